//go:build tools

// Package tools pins the open-loop load generator of the bench; run.py builds it into build/bench.
package tools

import _ "github.com/tsenart/vegeta/v12"
