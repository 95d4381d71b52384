package web

import (
	"context"
	"net/http"
	"time"

	"go.temporal.io/sdk/client"
)

// readyTimeout is shorter than the usual probe's patience of several seconds.
const readyTimeout = 3 * time.Second

func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if _, err := s.config.Temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		s.log.WarnContext(ctx, "temporal not reachable", "error", err)
		writeText(w, http.StatusServiceUnavailable, "temporal is not reachable")
		return
	}
	writeText(w, http.StatusOK, "ready")
}
