package web

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

type metrics struct {
	webhooks *prometheus.CounterVec
	pages    *prometheus.CounterVec
	answers  *prometheus.CounterVec
	requests *prometheus.HistogramVec
}

func newMetrics(registry *prometheus.Registry) (*metrics, error) {
	m := &metrics{
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "offsession_webhooks_total",
			Help: "Webhooks received, by what became of them and by how their workflow is found.",
		}, []string{"result", "class"}),
		pages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "offsession_pages_total",
			Help: "Customer pages shown, by what they said.",
		}, []string{"view"}),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "offsession_checkout_answers_total",
			Help: "Presses of the customer's button that were answered, by mode and answer.",
		}, []string{"mode", "answer"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "offsession_http_request_duration_seconds",
			Help:    "Time from a request's arrival to its answer, by route and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route", "code"}),
	}
	for _, c := range []prometheus.Collector{m.webhooks, m.pages, m.answers, m.requests} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		// A process that embeds the web may show these already.
		var already prometheus.AlreadyRegisteredError
		if err := registry.Register(c); err != nil && !errors.As(err, &already) {
			return nil, err
		}
	}
	return m, nil
}
