package definition

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// most is far above any definition and far below what could hurt.
const most = 64 << 10

// Limit is a byte more than Read accepts: who reads a file up to it leaves it to Read to say that it is too large.
const Limit = most + 1

// Read decodes a file into a pointer to a struct with yaml tags. What the file does not name stays as it is, so that
// defaults can be put there before; an empty file changes nothing, and neither does one that is refused. A key that does not exist, a key given twice, a second
// document, a value of another kind, and a whole number that is not
// written in decimal digits, are errors.
func Read(data []byte, into any) error {
	if len(data) > most {
		return fmt.Errorf("%d bytes; at most %d", len(data), most)
	}
	target := reflect.ValueOf(into).Elem()
	read := reflect.New(target.Type()) // the library empties it when there is nothing to read
	read.Elem().Set(target)
	decoder := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict())
	switch err := decoder.Decode(read.Interface()); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return withLine(err)
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return withLine(err)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return errors.New(secondDocument(file) + "more than one YAML document; exactly one is allowed")
	}
	n := numbers{anchors: map[string]ast.Node{}}
	for _, document := range file.Docs {
		n.check(document.Body, target.Type(), "")
	}
	if err := errors.Join(n.mistakes...); err != nil {
		return err
	}
	target.Set(read.Elem())
	return nil
}

// withLine turns the YAML library's error into one line that says where.
func withLine(err error) error {
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil || at.GetToken().Position == nil {
		return err
	}
	message, _, _ := strings.Cut(at.GetMessage(), "\n")
	var (
		kind  *yaml.TypeError
		large *yaml.OverflowError
	)
	switch {
	case errors.As(err, &kind):
		message = fmt.Sprintf("%q; must be %s", clip(at.GetToken().Value), kindOf(kind.DstType))
	case errors.As(err, &large):
		message = clip(large.SrcNum) + " is too large"
	}
	return fmt.Errorf("line %d: %s", at.GetToken().Position.Line, message)
}

func kindOf(t reflect.Type) string {
	switch {
	case isWhole(t):
		return "a whole number"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Slice:
		return "a list"
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
		return "a mapping of keys to values"
	}
	return "a text"
}

func isWhole(t reflect.Type) bool { return t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64 }

// secondDocument is "line 3: ", where it begins, if the parser can tell.
func secondDocument(file *ast.File) string {
	if len(file.Docs) < 2 || file.Docs[1].Start == nil {
		return ""
	}
	return fmt.Sprintf("line %d: ", file.Docs[1].Start.Position.Line)
}

var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// numbers finds what the YAML library would read as another whole number than a person: 3.7 as 3, 010 as 8.
type numbers struct {
	anchors  map[string]ast.Node
	mistakes []error
}

func (n *numbers) check(node ast.Node, t reflect.Type, path string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch node := node.(type) {
	case *ast.AnchorNode:
		n.anchors[node.Name.GetToken().Value] = node.Value
		n.check(node.Value, t, path)
	case *ast.AliasNode:
		n.check(n.anchors[node.Value.GetToken().Value], t, path)
	case *ast.MappingNode:
		for _, pair := range node.Values {
			n.check(pair, t, path)
		}
	case *ast.MappingValueNode:
		key := keyOf(node.Key)
		if _, merged := node.Key.(*ast.MergeKeyNode); merged {
			n.check(node.Value, t, path)
		} else if field, ok := fieldOf(t, key); ok {
			n.check(node.Value, field.Type, strings.TrimPrefix(path+"."+key, "."))
		}
	case *ast.SequenceNode:
		for i, item := range node.Values {
			if t.Kind() == reflect.Slice {
				n.check(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i))
			}
		}
	case *ast.IntegerNode, *ast.FloatNode, *ast.StringNode, *ast.LiteralNode:
		_, whole := node.(*ast.IntegerNode)
		if value := node.GetToken().Value; isWhole(t) && (!whole || !decimal.MatchString(value)) {
			n.mistakes = append(n.mistakes, fmt.Errorf("line %d: %s: %s; must be a whole number in decimal digits", node.GetToken().Position.Line, path, clip(value)))
		}
	}
}

// keyOf is the text of a key, however it is dressed.
func keyOf(node ast.Node) string {
	switch node := node.(type) {
	case *ast.MappingKeyNode:
		return keyOf(node.Value)
	case *ast.AnchorNode:
		return keyOf(node.Value)
	}
	return node.GetToken().Value
}

// fieldOf is the field with this key.
func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	if t.Kind() == reflect.Struct {
		for field := range t.Fields() {
			if name, _, _ := strings.Cut(field.Tag.Get("yaml"), ","); name == key {
				return field, true
			}
		}
	}
	return reflect.StructField{}, false
}

// clip keeps a message readable when a value is very long.
func clip(s string) string {
	const longest = 40
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}
