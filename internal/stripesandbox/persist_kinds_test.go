package stripesandbox

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever embeds header and can be rendered is a resource, and must be known by a kind.
func TestEveryResourceIsAStoredKind(t *testing.T) {
	t.Parallel()
	known := make(map[string]bool)
	for _, construct := range storedKinds {
		known[reflect.TypeOf(construct()).Elem().Name()] = true
	}
	rendered := make(map[string]bool)
	embedding := make(map[string]bool)
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Name.Name == "render" && n.Recv != nil {
					if star, ok := n.Recv.List[0].Type.(*ast.StarExpr); ok {
						name, _ := star.X.(*ast.Ident)
						rendered[name.Name] = true
					}
				}
			case *ast.TypeSpec:
				if of, ok := n.Type.(*ast.StructType); ok && len(of.Fields.List) > 0 && of.Fields.List[0].Names == nil {
					if first, ok := of.Fields.List[0].Type.(*ast.Ident); ok && first.Name == "header" {
						embedding[n.Name.Name] = true
					}
				}
			}
			return true
		})
	}
	require.Greater(t, len(embedding), len(storedKinds)/2)
	for name := range embedding {
		if rendered[name] {
			require.True(t, known[name], "%s is missing from storedKinds", name)
		}
	}
}

// The kind in a call of store.add is the name in storedKinds.
func TestEveryKindAddedIsStored(t *testing.T) {
	t.Parallel()
	calls := 0
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			fn, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || fn.Sel.Name != "add" {
				return true
			}
			if on, ok := fn.X.(*ast.SelectorExpr); !ok || on.Sel.Name != "store" {
				return true
			}
			kind, ok := call.Args[0].(*ast.BasicLit)
			require.True(t, ok, "the kind is a literal, so that it can be found")
			name, err := strconv.Unquote(kind.Value)
			require.NoError(t, err)
			require.NotNil(t, storedKinds[name], "%s is missing from storedKinds", name)
			calls++
			return true
		})
	}
	require.GreaterOrEqual(t, calls, 9)
}

func sources(t *testing.T) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var files []*ast.File
	for _, path := range paths {
		if len(path) > 8 && path[len(path)-8:] == "_test.go" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
	}
	return files
}

// Every field of every kind comes back from JSON: none is unexported, none hides another.
func TestStoredKindsComeBack(t *testing.T) {
	t.Parallel()
	for kind, construct := range storedKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := construct()
			n := 0
			fill(t, reflect.ValueOf(r).Elem(), &n, 0)
			first, err := marshal(r)
			require.NoError(t, err)
			back := construct()
			require.NoError(t, json.Unmarshal(first, back))
			second, err := marshal(back)
			require.NoError(t, err)
			require.JSONEq(t, string(first), string(second))
			if _, isEvent := r.(*event); !isEvent { // of its object the JSON is left
				require.Equal(t, r, back)
			}
		})
	}
}

// notStored are fields that need not come back.
var notStoredFields = map[string]string{
	"webhookEndpoint.created": "marks the answer to the creation, which is no resource",
}

// fill gives every field a value of its own.
func fill(t *testing.T, v reflect.Value, n *int, depth int) {
	t.Helper()
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString("<&>" + strconv.Itoa(*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(*n) + 0.5)
	case reflect.Interface:
		v.Set(reflect.ValueOf(&customer{header: header{ID: "cus_1"}}))
	case reflect.Pointer:
		if depth < 4 { // errors hold intents, which hold errors
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), n, depth+1)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0), n, depth+1)
		fill(t, v.Index(1), n, depth+1)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, key, n, depth+1)
		fill(t, value, n, depth+1)
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if notStoredFields[v.Type().Name()+"."+field.Name] != "" {
				continue
			}
			if !field.IsExported() && !field.Anonymous {
				require.Failf(t, "not kept", "%s.%s is unexported: a data file would lose it", v.Type().Name(), field.Name)
			}
			at := v.Field(i)
			if field.Anonymous { // header: its fields can be set although its name is lower case
				for _, inner := range at.Fields() {
					fill(t, inner, n, depth+1)
				}
				continue
			}
			fill(t, at, n, depth+1)
		}
	default:
		require.Failf(t, "not kept", "no JSON for a %s", v.Kind())
	}
}
