// Expressions and sets of rules under cel-go, run over and over, for tests/bench/cel_rounds.py.
//
//	bench TASK.json
//
// The task, the lines on stdin and the answers are those of tests/bench/cel.c, with
// {"rules": [[expression ...] ...]} in the task where that reads files of rules, and one number more
// in `check TARGET WAY` and `run TARGET COUNT WAY`: how the row is handed over (ways, below). None
// is the quickest for all: each is measured, and the best of them counts.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

type task struct {
	Expressions []string
	Rules       [][]string
	Rows        []map[string]any
}

var variables = map[string]*cel.Type{
	"amount":   cel.DoubleType,
	"currency": cel.StringType,
	"count":    cel.IntType,
	"mcc":      cel.IntType,
	"card":     cel.StringType,
	"merchant": cel.MapType(cel.StringType, cel.DynType),
	"recent":   cel.ListType(cel.DoubleType),
}

// ---- rows ----

// native makes of a JSON number what it stands for: an int64, or, with a point, a float64.
func native(v any) any {
	switch v := v.(type) {
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			f, _ := v.Float64()
			return f
		}
		i, _ := v.Int64()
		return i
	case []any:
		items := make([]float64, len(v))
		for i, item := range v {
			items[i] = native(item).(float64)
		}
		return items
	case map[string]any:
		m := map[string]any{}
		for key, value := range v {
			m[key] = native(value)
		}
		return m
	}
	return v
}

// made turns a Go value into one of cel-go's, so that nothing is left to convert when run.
func made(v any) ref.Val {
	adapter := types.DefaultTypeAdapter
	switch v := v.(type) {
	case []float64:
		items := make([]ref.Val, len(v))
		for i, item := range v {
			items[i] = types.Double(item)
		}
		return types.NewRefValList(adapter, items)
	case map[string]any:
		m := map[ref.Val]ref.Val{}
		for key, value := range v {
			m[types.String(key)] = made(value)
		}
		return types.NewRefValMap(adapter, m)
	}
	return adapter.NativeToValue(v)
}

// slots is an activation that has no map to look in: a struct's fields, by a switch.
type slots struct {
	amount, currency, count, mcc, card, merchant, recent any
}

func (s *slots) Parent() cel.Activation { return nil }

func (s *slots) ResolveName(name string) (any, bool) {
	var v any
	switch name {
	case "amount":
		v = s.amount
	case "currency":
		v = s.currency
	case "count":
		v = s.count
	case "mcc":
		v = s.mcc
	case "card":
		v = s.card
	case "merchant":
		v = s.merchant
	case "recent":
		v = s.recent
	}
	return v, v != nil
}

func slotted(row map[string]any) *slots {
	return &slots{row["amount"], row["currency"], row["count"], row["mcc"], row["card"],
		row["merchant"], row["recent"]}
}

// ways gives the rows as cel-go may be handed them: a map of Go values, a map of its own values,
// an activation of Go values, an activation of its own values.
func ways(rows []map[string]any) [][]any {
	all := make([][]any, 4)
	for _, row := range rows {
		natives, values := map[string]any{}, map[string]any{}
		for name, v := range row {
			natives[name] = native(v)
			values[name] = made(natives[name])
		}
		all[0] = append(all[0], natives)
		all[1] = append(all[1], values)
		all[2] = append(all[2], slotted(natives))
		all[3] = append(all[3], slotted(values))
	}
	return all
}

// ---- targets ----

func must[T any](v T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, "celgo:", err)
		os.Exit(1)
	}
	return v
}

func program(env *cel.Env, expression string) cel.Program {
	ast, issues := env.Compile(expression)
	must(ast, issues.Err())
	return must(env.Program(ast, cel.EvalOptions(cel.OptOptimize)))
}

func load(path string) (targets [][]cel.Program, single int, rows [][]any) {
	var t task
	file := must(os.Open(path))
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.UseNumber()
	must(0, decoder.Decode(&t))
	var options []cel.EnvOption
	for name, kind := range variables {
		options = append(options, cel.Variable(name, kind))
	}
	env := must(cel.NewEnv(options...))
	for _, expression := range t.Expressions {
		targets = append(targets, []cel.Program{program(env, expression)})
	}
	for _, rules := range t.Rules {
		var programs []cel.Program
		for _, rule := range rules {
			programs = append(programs, program(env, rule))
		}
		targets = append(targets, programs)
	}
	return targets, len(t.Expressions), ways(t.Rows)
}

// ---- runs ----

func fires(p cel.Program, row any) (fired bool, good bool) {
	v, _, err := p.Eval(row)
	b, is := v.(types.Bool)
	return bool(b), err == nil && is
}

func checkOne(p cel.Program, rows []any, out *strings.Builder) {
	for _, row := range rows {
		fired, good := fires(p, row)
		if good {
			fmt.Fprintf(out, "%t ", fired)
		} else {
			out.WriteString("error ")
		}
	}
}

func checkRules(rules []cel.Program, rows []any, out *strings.Builder) {
	for _, row := range rows {
		count, sum := 0, 0
		for i, rule := range rules {
			if fired, _ := fires(rule, row); fired {
				count++
				sum += i
			}
		}
		fmt.Fprintf(out, "%d:%d ", count, sum)
	}
}

var sum int // where the answers go, so that none can be left out

func timeOne(p cel.Program, rows []any, count int) time.Duration {
	started, at := time.Now(), 0
	for range count {
		v, _, _ := p.Eval(rows[at])
		if v == types.True {
			sum++
		}
		if at++; at == len(rows) {
			at = 0
		}
	}
	return time.Since(started)
}

func timeRules(rules []cel.Program, rows []any, count int) time.Duration {
	started := time.Now()
	for i := range count {
		row := rows[i%len(rows)]
		for _, p := range rules {
			v, _, _ := p.Eval(row)
			if v == types.True {
				sum++
			}
		}
	}
	return time.Since(started)
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: bench TASK.json")
		os.Exit(2)
	}
	targets, single, rows := load(os.Args[1])
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var number, count, way int
		var out strings.Builder
		runs, _ := fmt.Sscanf(lines.Text(), "run %d %d %d", &number, &count, &way)
		if runs == 0 {
			fmt.Sscanf(lines.Text(), "check %d %d", &number, &way)
		}
		switch target := targets[number]; {
		case runs == 0 && number < single:
			checkOne(target[0], rows[way], &out)
		case runs == 0:
			checkRules(target, rows[way], &out)
		case number < single:
			fmt.Fprintf(&out, "%d", timeOne(target[0], rows[way], count).Nanoseconds())
		default:
			fmt.Fprintf(&out, "%d", timeRules(target, rows[way], count).Nanoseconds())
		}
		fmt.Println(out.String())
	}
}
