package activities

import "errors"

var errNotBuilt = errors.New("not built")
