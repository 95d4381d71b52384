package client

import (
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

// memoCall is the memo key of a name for the call that started a workflow by Update-with-Start, which does not tell its
// caller whether it started anything.
const memoCall = "offsession_call"

// callIn reads the name of the call that started the workflow; "" when its memo has none.
func callIn(memo *commonpb.Memo) string {
	payload, ok := memo.GetFields()[memoCall]
	if !ok {
		return ""
	}
	var call string
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &call); err != nil {
		return ""
	}
	return call
}
