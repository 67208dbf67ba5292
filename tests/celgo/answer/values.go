package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/ext"
)

// ---- from JSON ----

func readNumber(raw json.RawMessage) (ref.Val, error) {
	var f float64
	if json.Unmarshal(raw, &f) == nil {
		return types.Double(f), nil
	}
	var text string
	json.Unmarshal(raw, &text)
	f, err := strconv.ParseFloat(text, 64) // "NaN", "Infinity"
	return types.Double(f), err
}

func readAll(raw json.RawMessage) ([]ref.Val, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, err
	}
	values := make([]ref.Val, len(items))
	for i, item := range items {
		var err error
		if values[i], err = readValue(item); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func readMap(raw json.RawMessage) (ref.Val, error) {
	var pairs []json.RawMessage
	if err := json.Unmarshal(raw, &pairs); err != nil {
		return nil, err
	}
	entries := map[ref.Val]ref.Val{}
	for _, pair := range pairs {
		values, err := readAll(pair)
		if err != nil || len(values) != 2 {
			return nil, fmt.Errorf("an entry is a key and a value: %v", err)
		}
		entries[values[0]] = values[1]
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, entries), nil
}

func readText(kind, text string) (ref.Val, error) {
	switch kind {
	case "int":
		i, err := strconv.ParseInt(text, 10, 64)
		return types.Int(i), err
	case "uint":
		u, err := strconv.ParseUint(text, 10, 64)
		return types.Uint(u), err
	case "bytes":
		b, err := base64.StdEncoding.DecodeString(text)
		return types.Bytes(b), err
	case "timestamp":
		t, err := time.Parse(time.RFC3339Nano, text)
		return types.Timestamp{Time: t.UTC()}, err
	case "duration":
		d, err := time.ParseDuration(text)
		return types.Duration{Duration: d}, err
	case "ip":
		a, err := netip.ParseAddr(text)
		return ext.IP{Addr: a}, err
	case "cidr":
		p, err := netip.ParsePrefix(text)
		return ext.CIDR{Prefix: p}, err
	}
	return types.String(text), nil
}

func readOptional(raw json.RawMessage) (ref.Val, error) {
	if string(raw) == "null" {
		return types.OptionalNone, nil
	}
	v, err := readValue(raw)
	return types.OptionalOf(v), err
}

func readValue(raw json.RawMessage) (ref.Val, error) {
	var tagged map[string]json.RawMessage
	if err := json.Unmarshal(raw, &tagged); err != nil {
		return nil, err
	}
	for kind, v := range tagged {
		switch kind {
		case "null":
			return types.NullValue, nil
		case "bool":
			return types.Bool(string(v) == "true"), nil
		case "double":
			return readNumber(v)
		case "list":
			items, err := readAll(v)
			return types.NewRefValList(types.DefaultTypeAdapter, items), err
		case "map":
			return readMap(v)
		case "optional":
			return readOptional(v)
		}
		var text string
		if err := json.Unmarshal(v, &text); err != nil {
			return nil, err
		}
		return readText(kind, text)
	}
	return nil, fmt.Errorf("a value says of what kind it is")
}

var scalars = map[string]*cel.Type{
	"dyn": cel.DynType, "null": cel.NullType, "bool": cel.BoolType, "int": cel.IntType,
	"uint": cel.UintType, "double": cel.DoubleType, "string": cel.StringType,
	"bytes": cel.BytesType, "timestamp": cel.TimestampType, "duration": cel.DurationType,
	"type": cel.TypeType,
}

func readTypes(json any) (kinds []*cel.Type, err error) {
	items, _ := json.([]any)
	for _, item := range items {
		kind, err := readType(item)
		if err != nil {
			return nil, err
		}
		kinds = append(kinds, kind)
	}
	return kinds, nil
}

func readType(json any) (*cel.Type, error) {
	if name, is := json.(string); is && scalars[name] != nil {
		return scalars[name], nil
	}
	tagged, _ := json.(map[string]any)
	if item, is := tagged["list"]; is {
		kind, err := readType(item)
		return cel.ListType(kind), err
	}
	if of, is := tagged["wrapper"]; is {
		kind, err := readType(of)
		return cel.NullableType(kind), err
	}
	if kinds, err := readTypes(tagged["map"]); err != nil || len(kinds) == 2 {
		return cel.MapType(kinds[0], kinds[1]), err
	}
	name, _ := tagged["abstract"].(string)
	kinds, err := readTypes(tagged["params"])
	if err == nil && name == "" {
		err = fmt.Errorf("no such type: %v", json)
	}
	switch name {
	case "net.IP":
		return ext.IPType, nil
	case "net.CIDR":
		return ext.CIDRType, nil
	}
	return cel.OpaqueType(name, kinds...), err
}

// ---- to JSON ----

func writeDouble(f float64) any {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return json.RawMessage(strconv.FormatFloat(f, 'e', -1, 64))
}

// writeDuration gives seconds, with as many decimals as it takes.
func writeDuration(d time.Duration) string {
	sign, seconds, nanos := "", int64(d/time.Second), int64(d%time.Second)
	if d < 0 {
		sign, seconds, nanos = "-", -seconds, -nanos
	}
	text := fmt.Sprintf("%s%d.%09d", sign, seconds, nanos)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".") + "s"
}

func writeList(list traits.Lister) (any, error) {
	items := []any{}
	for it := list.Iterator(); it.HasNext() == types.True; {
		item, err := writeValue(it.Next())
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return map[string]any{"list": items}, nil
}

func writeMap(m traits.Mapper) (any, error) {
	pairs := []any{}
	for it := m.Iterator(); it.HasNext() == types.True; {
		at := it.Next()
		key, err := writeValue(at)
		if err != nil {
			return nil, err
		}
		value, err := writeValue(m.Get(at))
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, []any{key, value})
	}
	return map[string]any{"map": pairs}, nil
}

func writeOptional(o *types.Optional) (any, error) {
	if !o.HasValue() {
		return map[string]any{"optional": nil}, nil
	}
	v, err := writeValue(o.GetValue())
	return map[string]any{"optional": v}, err
}

func writeValue(v ref.Val) (any, error) {
	switch v := v.(type) {
	case types.Null:
		return map[string]any{"null": true}, nil
	case types.Bool:
		return map[string]any{"bool": bool(v)}, nil
	case types.Int:
		return map[string]any{"int": strconv.FormatInt(int64(v), 10)}, nil
	case types.Uint:
		return map[string]any{"uint": strconv.FormatUint(uint64(v), 10)}, nil
	case types.Double:
		return map[string]any{"double": writeDouble(float64(v))}, nil
	case types.String:
		return map[string]any{"string": string(v)}, nil
	case types.Bytes:
		return map[string]any{"bytes": base64.StdEncoding.EncodeToString(v)}, nil
	case types.Timestamp:
		return map[string]any{"timestamp": v.Time.UTC().Format(time.RFC3339Nano)}, nil
	case types.Duration:
		return map[string]any{"duration": writeDuration(v.Duration)}, nil
	case *types.Type:
		return map[string]any{"type": v.TypeName()}, nil
	case *types.Optional:
		return writeOptional(v)
	case ext.IP:
		return map[string]any{"ip": v.Addr.String()}, nil
	case ext.CIDR:
		return map[string]any{"cidr": v.Prefix.String()}, nil
	case traits.Lister:
		return writeList(v)
	case traits.Mapper:
		return writeMap(v)
	}
	return nil, fmt.Errorf("a value of no known kind: %T", v)
}

func writeTypes(kinds []*cel.Type) []any {
	written := []any{}
	for _, kind := range kinds {
		written = append(written, writeType(kind))
	}
	return written
}

var names = map[types.Kind]string{
	types.DynKind: "dyn", types.NullTypeKind: "null", types.BoolKind: "bool",
	types.IntKind: "int", types.UintKind: "uint", types.DoubleKind: "double",
	types.StringKind: "string", types.BytesKind: "bytes", types.TimestampKind: "timestamp",
	types.DurationKind: "duration", types.TypeKind: "type",
}

func writeType(t *cel.Type) any {
	name, isScalar := names[t.Kind()]
	switch {
	case t.Kind() == types.ListKind:
		return map[string]any{"list": writeType(t.Parameters()[0])}
	case t.Kind() == types.MapKind:
		return map[string]any{"map": writeTypes(t.Parameters())}
	case t.Kind() == types.TypeKind && len(t.Parameters()) == 1:
		return map[string]any{"type": writeType(t.Parameters()[0])}
	case isScalar && name != "dyn" && name != "null" && t.IsAssignableType(cel.NullType):
		return map[string]any{"wrapper": name}
	case isScalar:
		return name
	}
	return map[string]any{"abstract": t.TypeName(), "params": writeTypes(t.Parameters())}
}
