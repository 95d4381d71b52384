package activities

import "time"

// Links mints the durable link under which a customer acts on a workflow.
type Links interface {
	// Link answers the page's address, or "" when no link secret or public URL is configured. The same input gives the
	// same link.
	Link(workflowID string, expires time.Time) string
}
