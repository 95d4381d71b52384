package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// answer is a paid PaymentIntent with its charge and its method, as Stripe writes it: indented, some 5 KB.
//
//go:embed payment_intent.json
var answer string

var pieces = strings.Split(answer, "}}")

// stub answers each PaymentIntent with a success, and each question for earlier ones with none. It remembers nothing.
type stub struct{ charges atomic.Int64 }

func serveStub(ctx context.Context, address string) error {
	s := &stub{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/payment_intents", s.create)
	mux.HandleFunc("GET /v1/payment_intents", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"object":"list","data":[],"has_more":false,"url":"/v1/payment_intents"}`)
	})
	// How many charges there were.
	mux.HandleFunc("GET /charges", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, s.charges.Load()) })
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s *stub) create(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.PostForm.Get("confirm") != "true" || r.Header.Get("Idempotency-Key") == "" {
		http.Error(w, `{"error":{"type":"invalid_request_error"}}`, http.StatusBadRequest)
		return
	}
	serial := strconv.FormatInt(s.charges.Add(1), 10)
	values := map[string]string{
		"serial":         "3PbenchQQta0Bqv" + strings.Repeat("0", 9-len(serial)) + serial,
		"amount":         r.PostForm.Get("amount"),
		"currency":       r.PostForm.Get("currency"),
		"customer":       r.PostForm.Get("customer"),
		"payment_method": r.PostForm.Get("payment_method"),
		"reference":      r.PostForm.Get("metadata[offsession_reference]"),
		"owner":          r.PostForm.Get("metadata[offsession_owner]"),
	}
	body := make([]byte, 0, len(answer)+1024)
	for _, piece := range pieces {
		// A name between braces, and what stands before it.
		text, name, _ := strings.Cut(piece, "{{")
		body = append(append(body, text...), values[name]...)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Request-Id", "req_"+serial)
	_, _ = w.Write(body)
}
