package activities

import (
	"maps"
	"strconv"
)

// Metadata keys on every Stripe object that offsession creates. They are a contract for apps that listen to Stripe
// themselves.
const (
	MetadataWorkflowID = "offsession_workflow_id"
	MetadataReference  = "offsession_reference"
	MetadataOwner      = "offsession_owner"
	MetadataAttempt    = "offsession_attempt"
)

// metadata builds what goes on a Stripe object: the caller's own entries, then ours, which win.
func metadata(own map[string]string, workflowID, reference, owner string, attempt int) map[string]string {
	m := make(map[string]string, len(own)+4)
	maps.Copy(m, own)
	m[MetadataWorkflowID] = workflowID
	m[MetadataReference] = reference
	if owner != "" {
		m[MetadataOwner] = owner
	}
	if attempt > 0 {
		m[MetadataAttempt] = strconv.Itoa(attempt)
	}
	return m
}
