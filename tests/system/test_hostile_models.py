"""Some hundred model files that are nearly one; `make hostile` sends ten thousand."""
import io

import hostile_models

COUNT = 13 * 16  # so many of each kind of file


def test_every_file_is_refused_with_a_reason_or_scores(tmp_path):
    campaign = hostile_models.Campaign(tmp_path)
    try:
        campaign.start()
        campaign.run(COUNT, seed=20260105)
        wrong = campaign.end()
    finally:
        campaign.server.kill()
    said = io.StringIO()
    hostile_models.report(campaign, said)
    assert not wrong, said.getvalue()
    assert campaign.total("accepted") + campaign.total("refused") == COUNT
    for name, counts in campaign.counts.items():
        assert counts["refused"] > 0, (name, said.getvalue())
    assert campaign.total("accepted") > COUNT // 10
