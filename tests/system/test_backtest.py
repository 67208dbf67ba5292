"""`sluice backtest`: a candidate beside the running rules, over files, stdin, a journal, topics."""
import html.parser
import json
import re
import subprocess
import time
import uuid

import confluent_kafka
import pytest

from conftest import BIN, RULES, RULESET, payment
from test_admin import bundle

CANDIDATE_RULES = """\
rules:
  - id: account-burst
    title: Burst of payments
    when: account_tx_count_5m > 5
    score: 80
  - id: known-fraud
    title: The account had a fraud
    when: account_frauds_30d > 0
    score: 80
    mode: shadow
"""


def label(number, outcome="fraud", at="2026-01-05T13:00:00Z"):
    return {"kind": "label", "transaction_id": f"t-a-1-{number}", "outcome": outcome,
            "timestamp": at}


def history():
    """Twelve payments within seconds; the last four are frauds. And one of the day after."""
    events = [payment(n) for n in range(12)] + [label(n) for n in range(8, 12)]
    return events + [payment(1, account="a-1", seconds=86000, transaction_id="later")]


def lines(events):
    return "".join(json.dumps(e) + "\n" for e in events)


@pytest.fixture
def bed(make_server, tmp_path):
    """A configured server that is not started, a candidate beside it, and events.ndjson."""
    server = make_server(start=False)
    server.configure()
    (tmp_path / "next").mkdir()
    server.write("next/ruleset.yaml", RULESET)
    server.write("next/rules.yaml", CANDIDATE_RULES)
    server.write("events.ndjson", lines(history()))
    return server


def backtest(server, *args, stdin=None, status=0):
    done = subprocess.run(
        [BIN, "backtest", "-c", str(server.folder / "sluice.yaml"),
         "--candidate", str(server.folder / "next"), *args],
        input=stdin, capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stderr
    assert "Sanitizer" not in done.stderr, done.stderr
    return done


def report(server, events, *args, **more):
    return json.loads(backtest(server, "--events", events, "--format", "json", *args,
                               **more).stdout)


def test_a_file_is_measured(bed):
    told = report(bed, str(bed.folder / "events.ndjson"))
    ours, theirs = told["candidate"], told["baseline"]
    assert told["history"]["observed_once"] is True
    assert (told["history"]["transactions"], told["history"]["labels"]) == (13, 4)
    assert (theirs["flagged"], theirs["true_positives"], theirs["recall"]) == (2, 2, 0.5)
    assert (ours["flagged"], ours["true_positives"], ours["false_positives"]) == (7, 4, 3)
    assert ours["stopped"] == 3800 and ours["disturbed"] == 2850
    assert told["overlap"]["both"]["transactions"] == 2
    assert told["overlap"]["only_candidate"] == {"transactions": 5, "frauds": 2, "fraud": 1900}
    rules = {r["rule"]: r for r in ours["rules"]}
    assert rules["known-fraud"]["fired"] == 1 and rules["known-fraud"]["mode"] == "shadow"
    assert [p["flagged"] for p in ours["curve"]] == [7, 13]


def test_stdin_is_the_same(bed):
    by_file = report(bed, str(bed.folder / "events.ndjson"))
    by_stdin = report(bed, "-", stdin=lines(history()))
    for side in ("candidate", "baseline", "overlap"):
        assert by_file[side] == by_stdin[side]


def test_other_features_are_observed_by_each(bed):
    bed.write("next/ruleset.yaml", RULESET.replace("windows: [5m, 1d]", "windows: [5m, 1d, 7d]"))
    told = report(bed, str(bed.folder / "events.ndjson"))
    assert told["history"]["observed_once"] is False
    assert told["candidate"]["flagged"] == 7 and told["baseline"]["flagged"] == 2


def test_the_journal_of_a_running_service_is_read(make_server, tmp_path):
    server = make_server(journal__dir=str(tmp_path / "journal"))
    (tmp_path / "next").mkdir()
    server.write("next/ruleset.yaml", RULESET)
    server.write("next/rules.yaml", CANDIDATE_RULES)
    for event in history():
        reply = server.label(event) if "kind" in event else server.score(event)
        assert reply.status == 200, reply.body
    server.score(payment(1))  # a retry: no second transaction
    told = report(server, "journal")
    assert told["history"]["transactions"] == 13
    assert told["candidate"]["flagged"] == 7 and told["baseline"]["flagged"] == 2
    assert server.get("/readyz").status == 200


def test_text_is_a_table(bed):
    done = backtest(bed, "--events", str(bed.folder / "events.ndjson"))
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["flagged", "7", "2", "+250.0", "%"] in rows
    assert ["known-fraud", "shadow", "new", "1", "-", "0.0", "%", "0.0", "%", "0", "1"] in rows
    assert "13 transactions, 4 labels, 0 refused, observed once" in done.stderr


def test_a_rule_is_told_with_its_mode_its_share_and_what_it_caught(bed):
    """A rule that has a decision is not in the table of scores, and that is said."""
    events = str(bed.folder / "events.ndjson")
    plain = backtest(bed, "--events", events).stdout
    bed.write("next/rules.yaml", CANDIDATE_RULES
              + "  - {id: half, when: amount > 0.0, score: 1, rollout: 50%}\n"
              + "  - {id: known, when: amount > 1000000.0, decision: flag}\n")
    text = backtest(bed, "--events", events).stdout
    assert re.search(r"^half +live 50% new +\d", text, re.M), text
    assert re.search(r"^rule +mode .* recall +caught +alone$", text, re.M), text
    said = "By scores alone, without the rules that have a `decision:`."
    assert said in text and said not in plain
    told = {r["rule"]: r for r in report(bed, events)["candidate"]["rules"]}
    assert told["half"]["rollout"] == "50%" and told["account-burst"]["caught"] == 3800
    assert "rollout" not in told["account-burst"]
    assert ">live 50%</span>" in backtest(bed, "--events", events, "--format", "html").stdout


MODEL = """\
model: linear
link: identity
inputs:
  amount: {weight: %s, missing: 0}
"""
MODELS = """
models:
  fraud: {file: fraud.yaml, threshold: 0.5}
  next:  {file: next.yaml, role: challenger, threshold: 0.5}
"""
AMOUNTS = [100, 900, 300, 900, 200, 700, 600, 800]
FRAUDS = {1, 2, 7}


def auc(scores):
    """Of all pairs of a fraud and another, how often the fraud scores higher; of equals half."""
    pairs = [(scores[f], scores[o]) for f in FRAUDS for o in range(len(scores)) if o not in FRAUDS]
    return sum((f > o) + (f == o) / 2 for f, o in pairs) / len(pairs)


@pytest.fixture(name="modelled")
def fixture_modelled(bed):
    """The baseline has two models, the candidate another one of the first's name."""
    bed.write("ruleset.yaml", RULESET + MODELS)
    bed.write("fraud.yaml", MODEL % "0.001")
    bed.write("next.yaml", MODEL % "-0.001")
    bed.write("next/ruleset.yaml", RULESET + "models: {fraud: {file: fraud.yaml}}\n")
    bed.write("next/fraud.yaml", MODEL % "0.002")
    events = [payment(n, amount=amount) for n, amount in enumerate(AMOUNTS)]
    bed.write("events.ndjson", lines(events + [label(n) for n in FRAUDS]))
    return bed


def test_models_are_measured_beside_each_other(modelled):
    told = report(modelled, str(modelled.folder / "events.ndjson"))
    fraud, challenger = told["baseline"]["models"]
    assert [(m["model"], m["role"]) for m in (fraud, challenger)] == [
        ("fraud", "champion"), ("next", "challenger")]
    assert (fraud["scored"], fraud["missing"], fraud["frauds"]) == (8, 0, 3)
    assert fraud["auc_roc"] == pytest.approx(auc(AMOUNTS))
    # frauds are the first or second, the third and the sixth from above
    assert fraud["average_precision"] == pytest.approx((1 / 2 + 2 / 3 + 3 / 6) / 3)
    assert challenger["auc_roc"] == pytest.approx(1 - auc(AMOUNTS))
    assert (fraud["above"], fraud["true_positives"]) == (5, 2)
    assert (fraud["precision"], fraud["recall"]) == (2 / 5, pytest.approx(2 / 3))
    assert (challenger["above"], challenger["precision"]) == (0, None)
    assert (fraud["median"], fraud["p99"]) == (pytest.approx(0.6), pytest.approx(0.9))
    (ours,) = told["candidate"]["models"]
    assert ours["median"] == pytest.approx(1.2) and ours["hash"] != fraud["hash"]
    assert ours["auc_roc"] == fraud["auc_roc"] and "threshold" not in ours


def test_models_are_told_in_words_and_on_the_page(modelled):
    events = str(modelled.folder / "events.ndjson")
    text = backtest(modelled, "--events", events).stdout.splitlines()
    head = next(i for i, line in enumerate(text) if line.startswith("model "))
    assert [line.split() for line in text[head + 1:head + 4]] == [
        "fraud champion candidate 8 0.700 0.556 - -".split(),
        "fraud champion baseline 8 0.700 0.556 40.0 % 66.7 %".split(),
        "next challenger baseline 8 0.300 0.347 - 0.0 %".split()]
    page = backtest(modelled, "--events", events, "--format", "html").stdout
    assert "<h2>By model</h2>" in page and page.count("running rules</td>") == 2


def test_a_part_of_the_time_is_measured(bed):
    told = report(bed, str(bed.folder / "events.ndjson"), "--from", "2026-01-06T00:00:00Z",
                  "--decisions", str(bed.folder / "decisions.ndjson"))
    assert told["candidate"]["transactions"] == 1
    assert told["candidate"]["rules"][1]["fired"] == 1  # the frauds before it filled the window
    decisions = (bed.folder / "decisions.ndjson").read_text().splitlines()
    assert [json.loads(d)["transaction_id"] for d in decisions] == ["later"]


@pytest.mark.parametrize("args, status, said", [
    (["--events", "journal"], 1, "the configuration has no journal.dir"),
    (["--events", "/nowhere.ndjson"], 1, "/nowhere.ndjson: No such file or directory"),
    (["--events", "-", "--from", "yesterday"], 2,
     "--from yesterday: write a time as 2018-08-08T00:00:00Z"),
    (["--events", "-", "--from", "2026-01-06T00:00:00Z", "--to", "2026-01-06T00:00:00Z"], 2,
     "--from must lie before --to"),
    (["--events", "-", "--format", "pdf"], 2, "--format is text"),
    ([], 2, "--candidate and --events are needed"),
    (["--events", "-", "--output", "/nowhere/x"], 1, "cannot write /nowhere/x: No such file"),
    (["--events", "-"], 1, "nothing was measured: no line is a transaction"),
])
def test_what_is_wrong_is_said(bed, args, status, said):
    assert said in backtest(bed, *args, stdin="", status=status).stderr


def test_a_broken_candidate_shows_its_diagnostics(bed):
    bed.write("next/rules.yaml", "rules:\n  - {id: x, when: amuont > 1.0, score: 1}\n")
    done = backtest(bed, "--events", "-", stdin="", status=1)
    assert "next/rules.yaml:2:19: unknown name 'amuont'" in done.stderr
    assert "did you mean 'amount'?" in done.stderr


class Page(html.parser.HTMLParser):
    """What a page fetches or runs, what is left open, and its text."""

    def __init__(self, page):
        super().__init__()
        self.open, self.fetched, self.words = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "line", "circle", "rect", "polyline"):
            self.open.append(tag)
        if tag in ("script", "link", "img", "iframe"):
            self.fetched.append(tag)
        self.fetched += [f"{tag} {k}" for k, _ in attrs if k in ("src", "href", "onload")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_is_whole_in_itself(bed):
    bed.write("next/rules.yaml", CANDIDATE_RULES.replace("Burst of payments", "<b>Burst</b> & co"))
    out = bed.folder / "page.html"
    backtest(bed, "--events", str(bed.folder / "events.ndjson"), "--format", "html",
             "--output", str(out))
    text = out.read_text()
    page = Page(text)
    assert page.open == [] and page.fetched == [] and "url(" not in text and "http" not in text
    words = "".join(page.words)
    assert "The candidate flags 7 of 13 transactions (53.8 %), 5 more than the running" in words
    assert "It catches 4 of 4 frauds (100.0 %; the running rules 50.0 %)" in words
    assert "<b>Burst</b> & co" in words  # as text
    assert text.count("<svg") == 3 and "nan" not in text and "inf" not in text


def test_a_rule_is_measured_by_what_its_own_ruleset_took(bed):
    """The candidate refuses two of the four frauds: its rule catches all that it sees."""
    bed.write("next/ruleset.yaml", RULESET.replace(
        "schema:\n", "schema:\n  channel: {type: string, required: true}\n"))
    bed.write("events.ndjson", lines(
        {**e, "channel": "web"} if n not in (8, 9) else e for n, e in enumerate(history())))
    events = str(bed.folder / "events.ndjson")
    told = report(bed, events)["candidate"]
    assert told["refused"] == 2 and told["rules"][0]["recall"] == 1
    page = Page(backtest(bed, "--events", events, "--format", "html").stdout)
    row = page.words[page.words.index("account-burst"):]
    assert row[1:5] == ["5", "2", "40.0 %", "100.0 %"]  # fires, running rules, precision, recall


def test_a_page_about_nothing_can_be_read(bed):
    done = backtest(bed, "--events", "-", "--format", "html", stdin="", status=1)
    page = Page(done.stdout)
    assert page.open == [] and "nan" not in done.stdout and "inf" not in done.stdout
    assert "No transaction is labelled as fraud" in "".join(page.words)


def test_without_labels_nothing_is_said_of_what_they_tell(bed):
    """All that was flagged would seem to be wrong."""
    bed.write("events.ndjson", lines(payment(n) for n in range(12)))
    events = str(bed.folder / "events.ndjson")
    text = backtest(bed, "--events", events).stdout
    assert "No transaction is labelled: what needs labels is left out." in text
    for row in "precision", "false positives a day", "good money disturbed":
        assert re.search(rf"^{row} +- +-$", text, re.M), text
    assert re.search(r"^account-burst +live +7 +\d+ +- +- +- ", text, re.M), text
    told = report(bed, events)
    assert told["candidate"]["precision"] is None
    assert told["candidate"]["rules"][0]["precision"] is None
    page = "".join(Page(backtest(bed, "--events", events, "--format", "html").stdout).words)
    assert "None is labelled at all" in page and "Precision over recall" not in page


def test_the_running_ruleset_and_several_currencies_are_told(bed):
    bed.write("next/rules.yaml", RULES)
    events = str(bed.folder / "events.ndjson")
    for codes, several in (("EUR", "EUR"), False), (("EUR", "USD"), True):
        bed.write("events.ndjson", lines({**payment(n), "currency": codes[n % 2]}
                                         for n in range(6)))
        assert report(bed, events)["history"]["several_currencies"] is several
        text = backtest(bed, "--events", events).stdout
        page = "".join(Page(backtest(bed, "--events", events, "--format", "html").stdout).words)
        assert "The candidate is the baseline." in text
        assert "is the running ruleset" in page.replace("\n", " ")
        for told in text, page:
            assert ("several currencies" in told) is several


# ---- topics ----------------------------------------------------------------------------------


FLUSH_S = 60
MESSAGE_MS = 1_767_614_400_000


class Topic:
    """Messages of it have the timestamps that they are given; else each a second later."""

    def __init__(self, kafka, partitions=1):
        self.name = kafka.create_topic(f"history-{uuid.uuid4().hex[:8]}", partitions)
        self.bootstrap, self.sent = kafka.bootstrap, 0

    def producer(self, **settings):
        return confluent_kafka.Producer({"bootstrap.servers": self.bootstrap, "acks": "all",
                                         **settings})

    def send(self, values, partition=0, at=None, producer=None):
        using = producer or self.producer()
        for value in values:
            using.produce(self.name, value, partition=partition,
                          timestamp=MESSAGE_MS + 1000 * (self.sent if at is None else at))
            self.sent += 1
        if producer is None:
            assert using.flush(FLUSH_S) == 0


def values(events):
    return [json.dumps(e) for e in events]


def from_topics(server, topics, *args, **more):
    where = "kafka://" + ",".join(t.name for t in topics)
    return backtest(server, "--events", where, "--format", "json", "--kafka.brokers",
                    topics[0].bootstrap, *args, **more)


def but_for_name_and_time(text):
    text, n = re.subn(r'"history":{"events":"[^"]*"', '"history":{', text)
    text, m = re.subn(r'"seconds":[0-9.e-]+', "", text)
    assert (n, m) == (1, 1), text
    return text


def test_a_topic_is_measured_as_the_file_of_its_lines(bed, kafka):
    topic = Topic(kafka)
    topic.send(values(history()))
    by_topic = from_topics(bed, [topic]).stdout
    by_file = backtest(bed, "--events", str(bed.folder / "events.ndjson"), "--format", "json")
    assert f'"history":{{"events":"kafka://{topic.name}"' in by_topic
    assert but_for_name_and_time(by_topic) == but_for_name_and_time(by_file.stdout)


def test_partitions_and_topics_are_merged_by_the_time_of_their_messages(bed, kafka):
    """In the decisions the order shows: each counts those before it."""
    transactions, labels = Topic(kafka, 3), Topic(kafka)
    for at, event in reversed(list(enumerate(history()))):
        if "kind" not in event:
            continue
        labels.send([json.dumps(event)], at=100 + at)  # of falling timestamps: by their offsets
    for at, event in enumerate(history()):
        if "kind" not in event:
            late = 1000 if event["transaction_id"] == "later" else 0
            transactions.send([json.dumps(event)], partition=(at * 7 + 1) % 3, at=at + late)
    ours, theirs = bed.folder / "ours.ndjson", bed.folder / "theirs.ndjson"
    by_topics = from_topics(bed, [transactions, labels], "--decisions", str(ours)).stdout
    by_file = backtest(bed, "--events", str(bed.folder / "events.ndjson"), "--format", "json",
                       "--decisions", str(theirs)).stdout
    assert but_for_name_and_time(by_topics) == but_for_name_and_time(by_file)
    assert ours.read_bytes() == theirs.read_bytes()


def test_a_topic_has_more_than_events(bed, kafka):
    """A deletion is none, what is too long is refused with its line, an aborted transaction never
    was, and behind the last message stands the mark of its transaction."""
    topic = Topic(kafka)
    producer = topic.producer(**{"transactional.id": topic.name})
    producer.init_transactions(FLUSH_S)
    for end in (producer.abort_transaction, producer.commit_transaction):
        producer.begin_transaction()
        topic.send([None, "x" * 300_000, *values(history())], producer=producer)
        end(FLUSH_S)
    done = from_topics(bed, [topic])
    assert json.loads(done.stdout)["history"]["transactions"] == 13
    assert f"kafka://{topic.name}:1: at /: " in done.stderr and "1 refused" in done.stderr


def test_no_group_is_joined_and_nothing_is_committed(bed, kafka):
    topic = Topic(kafka)
    topic.send(values(history()))
    group = f"group-{topic.name}"
    from_topics(bed, [topic], "--kafka.group", group)
    groups = kafka.admin().list_consumer_groups(request_timeout=FLUSH_S).result()
    assert group not in [g.group_id for g in groups.valid]


def test_a_topic_larger_than_the_spool_is_refused(bed, kafka):
    topic = Topic(kafka)
    topic.send([" " * 60_000 + v for v in values(history() + history())])
    done = from_topics(bed, [topic], "--backtest.spool_bytes", str(1 << 20), status=1)
    assert "more events than backtest.spool_bytes allows" in done.stderr


def test_topics_that_cannot_be_read_are_said(bed, kafka):
    topic = Topic(kafka)

    def said(where, *args):
        return backtest(bed, "--events", where, *args, status=1).stderr

    brokers = ("--kafka.brokers", kafka.bootstrap)
    assert "kafka://t: the configuration has no kafka.brokers" in said("kafka://t")
    assert "nowhere: the brokers have no such topic" in said(f"kafka://{topic.name},nowhere",
                                                             *brokers)
    assert "no name of a topic, nor several with commas" in said("kafka://", *brokers)
    assert "no name of a topic" in said(f"kafka://{topic.name},", *brokers)
    away = said(f"kafka://{topic.name}", "--kafka.brokers", "127.0.0.1:1")
    assert "127.0.0.1:1: " in away and "Connection refused" in away
    odd = said(f"kafka://{topic.name}", *brokers, "--kafka.properties", "fetch.mni.bytes=1")
    assert "librdkafka has no setting 'fetch.mni.bytes'" in odd


# ---- asked of a running service --------------------------------------------------------------


def poll(server, location):
    """Until it has ended."""
    for _ in range(600):
        told = server.get(location).json()
        if told["state"] != "running":
            return told
        time.sleep(0.05)
    raise AssertionError(told)


def ask(server, **body):
    return server.request("POST", "/v1/ruleset/backtest", json.dumps(body),
                          {"Content-Type": "application/json"})


def test_a_running_service_is_asked_for_one(make_server, tmp_path):
    """Today's rules flag less than those of before: the other way round in the backtest."""
    server = make_server(start=False, journal__dir=str(tmp_path / "journal"),
                         reload__watch=False)
    server.write("rules.yaml", CANDIDATE_RULES)
    server.start()
    before = server.get("/v1/ruleset").json()["ruleset"]
    for event in history():
        reply = server.label(event) if "kind" in event else server.score(event)
        assert reply.status == 200, reply.body
    server.write("rules.yaml", RULES)
    server.signal(1)
    assert server.wait_log("ruleset loaded")["ruleset"] != before
    started = ask(server, candidate=before)
    assert started.status == 202, started.body
    assert started.headers["Location"] == "/v1/ruleset/backtest/" + started.json()["id"]
    told = poll(server, started.headers["Location"])
    assert told["state"] == "done" and told["progress"] == 1, told
    assert told["result"]["candidate"]["flagged"] == 7
    assert told["result"]["baseline"]["flagged"] == 2
    assert server.request("DELETE", started.headers["Location"]).status == 204
    assert server.get(started.headers["Location"]).status == 404
    assert server.stop() == 0


def send(server, body, query="", kind="application/x-tar"):
    return server.request("POST", "/v1/ruleset/backtest" + query, body, {"Content-Type": kind})


def test_a_running_service_is_sent_one_as_a_bundle(make_server, tmp_path):
    """Of rules that nobody has loaded: whole, or with what is wrong, and nothing of it stays."""
    server = make_server(start=False, journal__dir=str(tmp_path / "journal"),
                         reload__watch=False, spool_dir=str(tmp_path / "spool"))
    (tmp_path / "spool").mkdir()
    server.write("rules.yaml", RULES)
    server.start()
    active = server.get("/v1/ruleset").json()["ruleset"]
    for event in history():
        reply = server.label(event) if "kind" in event else server.score(event)
        assert reply.status == 200, reply.body
    ruleset = (server.folder / "ruleset.yaml").read_text()
    files = {"ruleset.yaml": ruleset, "rules.yaml": CANDIDATE_RULES}
    for mode, folder, kind in (("w", "", "application/x-tar"),
                               ("w:gz", "mine/", "application/gzip")):
        started = send(server, bundle(files, folder, mode), kind=kind)
        assert started.status == 202, started.body
        told = poll(server, started.headers["Location"])
        assert told["state"] == "done" and told["result"]["candidate"]["flagged"] == 7, told
    started = send(server, bundle(files), "?to=2020-01-01T00:00:00Z")
    assert poll(server, started.headers["Location"])["result"]["candidate"]["transactions"] == 0
    wrong = "rules:\n  - {id: x, when: amuont > 1.0, score: 1}\n"
    broken = send(server, bundle({**files, "rules.yaml": wrong}))
    assert broken.status == 422 and "rules.yaml:" in broken.json()["detail"], broken.body
    report = broken.json()["report"]
    assert "unknown name 'amuont'" in report["diagnostics"][0]["message"]
    assert report["diagnostics"][0]["file"] == "rules.yaml"
    assert send(server, b"no tar").status == 422
    assert server.get("/v1/ruleset").json()["ruleset"] == active
    assert not list((tmp_path / "spool").iterdir())
    assert server.stop() == 0


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/json"},
                                     {"Content-Type": "application/gzip"}])
def test_without_a_body_it_is_said_what_to_send(server, headers):
    reply = server.request("POST", "/v1/ruleset/backtest", b"", headers)
    assert reply.status == 400, reply.body
    for part in "the body is empty", '{"candidate": ', "a ruleset's folder as a tar":
        assert part in reply.json()["detail"]


def test_a_bundle_is_asked_for_with_times_and_json_is_short(server):
    for query in "?from=yesterday", "?to=1":
        assert "must be a time such as" in send(server, b"x", query).json()["detail"]
    reply = send(server, b"x", "?from=2026-01-06T00:00:00Z&to=2026-01-05T00:00:00Z")
    assert reply.status == 422 and "from must lie before to" in reply.json()["detail"]
    reply = send(server, b'{"candidate":"' + 5000 * b"x" + b'"}', kind="application/json")
    assert reply.status == 413 and "4096 bytes" in reply.json()["detail"]


@pytest.mark.parametrize("body, status, said", [
    ({"candidate": "0123456789abcdef"}, 404, "no version is kept here under the id 0123"),
    ({"candidate": "../../etc"}, 422, "candidate must be the id of a version"),
    ({}, 422, "candidate must be the id of a version"),
    ({"candidate": "0123456789abcdef", "from": "yesterday"}, 422, "from must be a time such as"),
    ({"candidate": "0123456789abcdef", "from": "2026-01-06T00:00:00Z",
      "to": "2026-01-05T00:00:00Z"}, 422, "from must lie before to"),
    ({"candidate": "0123456789abcdef", "x": 1}, 422, "the body takes candidate, from and to"),
])
def test_what_is_asked_wrongly_is_said(server, body, status, said):
    reply = ask(server, **body)
    assert reply.status == status and said in reply.json()["detail"], reply.body


def test_without_a_journal_there_is_nothing_to_measure_on(server):
    reply = ask(server, candidate=server.get("/v1/ruleset").json()["ruleset"])
    assert reply.status == 404 and "set journal.dir" in reply.json()["detail"]
