// Answers rows of expressions as `sluice eval --jsonl` does, with cel-go.
//
// A row on stdin: {"expr", "bindings": {name: value}, "type_env": [{"name", "type"}], "check_only"};
// a line on stdout each: {"value": value}, {"type": type} or {"error": text}. Values and types are
// written as there. The libraries are all that cel-go has, but those for protobuf and regex.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
)

type row struct {
	Expr     string
	Bindings map[string]json.RawMessage
	TypeEnv  []struct {
		Name string
		Type any
	} `json:"type_env"`
	CheckOnly bool `json:"check_only"`
}

// answerer keeps one environment, which grows by the names that rows declare: a new one each time
// would be most of the work. A name has the same type in all rows.
type answerer struct {
	env      *cel.Env
	declared map[string]bool
}

func newAnswerer() (*answerer, error) {
	env, err := cel.NewEnv(cel.OptionalTypes(), cel.CrossTypeNumericComparisons(true),
		cel.EnableIdentifierEscapeSyntax(), cel.EnableErrorOnBadPresenceTest(true), ext.Bindings(), ext.Strings(), ext.Math(),
		ext.Lists(), ext.Sets(), ext.Encoders(), ext.TwoVarComprehensions(), ext.Network())
	return &answerer{env, map[string]bool{}}, err
}

func (a *answerer) declare(r *row) error {
	for _, name := range r.TypeEnv {
		if a.declared[name.Name] {
			continue
		}
		kind, err := readType(name.Type)
		if err != nil {
			return err
		}
		if a.env, err = a.env.Extend(cel.Variable(name.Name, kind)); err != nil {
			return err
		}
		a.declared[name.Name] = true
	}
	return nil
}

func (a *answerer) answer(line []byte) (map[string]any, error) {
	var r row
	if err := json.Unmarshal(line, &r); err != nil {
		return nil, err
	}
	if err := a.declare(&r); err != nil {
		return nil, err
	}
	ast, issues := a.env.Compile(r.Expr)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	if r.CheckOnly {
		return map[string]any{"type": writeType(ast.OutputType())}, nil
	}
	// Not optimised: that computes constants which the expression may never reach, and fails.
	program, err := a.env.Program(ast)
	if err != nil {
		return nil, err
	}
	bindings := map[string]any{}
	for name, raw := range r.Bindings {
		if bindings[name], err = readValue(raw); err != nil {
			return nil, err
		}
	}
	value, _, err := program.Eval(bindings)
	if err != nil {
		return nil, err
	}
	written, err := writeValue(value)
	return map[string]any{"value": written}, err
}

func main() {
	a, err := newAnswerer()
	if err != nil {
		fmt.Fprintln(os.Stderr, "answer:", err)
		os.Exit(1)
	}
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		answer, err := a.answer(line)
		if err != nil {
			answer = map[string]any{"error": err.Error()}
		}
		encoded, err := json.Marshal(answer)
		if err != nil {
			encoded = []byte(`{"error":"no JSON"}`)
		}
		out.Write(append(encoded, '\n'))
	}
}
