package client

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	sdktemporal "go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/workflows"
)

// list lists workflows as what read makes of them, newest first, page by page as they are asked for; what names them in an
// error. The first error, that of the query included, ends the sequence.
func list[T any](ctx context.Context, c *Client, what, query string, queryErr error, read func(*workflow.WorkflowExecutionInfo) T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if queryErr != nil {
			yield(none, queryErr)
			return
		}
		temporal, err := c.connection.get(ctx)
		if err != nil {
			yield(none, err)
			return
		}
		request := &workflowservice.ListWorkflowExecutionsRequest{Query: query}
		for {
			page, err := temporal.ListWorkflow(ctx, request)
			if err != nil {
				yield(none, fmt.Errorf("list %s: %w", what, err))
				return
			}
			for _, execution := range page.GetExecutions() {
				if !yield(read(execution), nil) {
					return
				}
			}
			request.NextPageToken = page.GetNextPageToken()
			if len(request.GetNextPageToken()) == 0 {
				return
			}
		}
	}
}

// uncleanStatuses are those of workflows that did not end by themselves, in a visibility query.
const uncleanStatuses = "'Terminated', 'Failed', 'TimedOut', 'Canceled'"

// stateQuery selects the workflows of a type by state and customer, each of which may be empty. The values in it are
// checked: none has a quote. A workflow that did not end by itself needs attention.
func stateQuery[S ~string](workflowType string, states []S, state, needsAttention S, customer string) (string, error) {
	// A workflow that continued as new is several executions, of which the last one counts.
	terms := []string{fmt.Sprintf("WorkflowType = '%s'", workflowType), "ExecutionStatus != 'ContinuedAsNew'"}
	var i invalid
	if state != "" {
		oneOf(&i, "state", state, states...)
		term := fmt.Sprintf("%s = '%s'", workflows.SearchState.GetName(), state)
		if state == needsAttention {
			terms = append(terms, fmt.Sprintf("(%s OR ExecutionStatus IN (%s))", term, uncleanStatuses))
		} else {
			terms = append(terms, term, "ExecutionStatus IN ('Running', 'Completed')")
		}
	}
	if customer != "" {
		checkCustomer(&i, "customer", customer)
		terms = append(terms, fmt.Sprintf("%s = '%s'", workflows.SearchCustomer.GetName(), customer))
	}
	return strings.Join(terms, " AND "), i.result()
}

// readSearchAttribute reads a search attribute of a listed workflow, if it is there. A value of another type stays empty:
// visibility is for finding, not for deciding by.
func readSearchAttribute(execution *workflow.WorkflowExecutionInfo, key sdktemporal.SearchAttributeKey, into any) {
	if payload, ok := execution.GetSearchAttributes().GetIndexedFields()[key.GetName()]; ok {
		_ = converter.GetDefaultDataConverter().FromPayload(payload, into)
	}
}
