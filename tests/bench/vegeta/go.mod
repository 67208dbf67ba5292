module sluice/tests/bench/vegeta

go 1.22

require github.com/tsenart/vegeta/v12 v12.12.0
