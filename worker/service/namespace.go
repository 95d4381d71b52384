package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/offsession/offsession/workflows"
)

// minRetention is how long an ended payment should at least be found by its reference.
const minRetention = 30 * 24 * time.Hour

// prepareNamespace makes sure that the namespace can take our workflows: it exists and has the search attributes, which
// are created where that is allowed. A retention that is short is only warned of.
func prepareNamespace(ctx context.Context, tc client.Client, namespace string, logger *slog.Logger) error {
	described, err := tc.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	var missing *serviceerror.NamespaceNotFound
	switch {
	case errors.As(err, &missing):
		return fmt.Errorf("no namespace %q in Temporal (TEMPORAL_NAMESPACE); create it with:\n  temporal operator namespace create --namespace %s --retention 90d", namespace, namespace)
	case err != nil:
		logger.Warn("retention of the namespace not known", "namespace", namespace, "error", err)
	default:
		retention := described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
		if retention > 0 && retention < minRetention {
			logger.Warn("ended payments are forgotten early: the namespace's retention is below 30 days, 90 are recommended",
				"namespace", namespace, "retention", retention,
				"command", fmt.Sprintf("temporal operator namespace update --namespace %s --retention 90d", namespace))
		}
	}
	return createSearchAttributes(ctx, tc.OperatorService(), namespace, logger)
}

// createSearchAttributes creates those that are missing. Where this process may not, it says how, and fails: without
// them no workflow of ours can start.
func createSearchAttributes(ctx context.Context, operator operatorservice.OperatorServiceClient, namespace string, logger *slog.Logger) error {
	listed, err := operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		// Whoever may not look may still start workflows: the attributes may well be there.
		logger.Warn("search attributes not known; should workflows not start, create them",
			"error", err, "command", createCommand(namespace, wantedAttributes()))
		return nil
	}
	missing := make(map[string]enumspb.IndexedValueType)
	for name, kind := range wantedAttributes() {
		switch existing, ok := listed.GetCustomAttributes()[name]; {
		case !ok:
			missing[name] = kind
		case existing != kind:
			return fmt.Errorf("search attribute %s exists as %s, and must be %s", name, existing, kind)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = operator.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	var exists *serviceerror.AlreadyExists
	if err != nil && !errors.As(err, &exists) { // another worker was faster
		return fmt.Errorf("create search attributes: %w; create them with:\n  %s", err, createCommand(namespace, missing))
	}
	logger.Info("search attributes created", "namespace", namespace, "names", names(missing))
	return nil
}

func wantedAttributes() map[string]enumspb.IndexedValueType {
	wanted := make(map[string]enumspb.IndexedValueType)
	for _, key := range workflows.SearchAttributeKeys() {
		wanted[key.GetName()] = key.GetValueType()
	}
	return wanted
}

// createCommand is what an operator who may types into a shell.
func createCommand(namespace string, attributes map[string]enumspb.IndexedValueType) string {
	var b strings.Builder
	fmt.Fprintf(&b, "temporal operator search-attribute create --namespace %s", namespace)
	for _, name := range names(attributes) {
		fmt.Fprintf(&b, " --name %s --type %s", name, attributes[name])
	}
	return b.String()
}

func names(attributes map[string]enumspb.IndexedValueType) []string {
	list := make([]string, 0, len(attributes))
	for name := range attributes {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
