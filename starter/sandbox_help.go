package main

const sandboxHelp = `Serves a stand-in for Stripe's API (version 2025-08-27.basil) with Stripe's test cards, stored idempotency keys and signed
webhooks. Point STRIPE_API_BASE of worker and serve at it.

Everything is in memory and gone at the end, unless --data names a file: then what a call does, its stored answer and its
events are in that file before the call is answered, and a sandbox that was killed goes on where it was. The machine
itself stopping can cost the last moments, as nothing waits for the disk. One sandbox at a time has the file open. Faults,
webhook modes and the list of recent calls are not kept. Endpoints of --webhook-url replace those in the file with the
same address; others are deleted through the API.

A million payments take less than 2 GB. Memory is spent on speed up to 1.8 GB: GOGC and GOMEMLIMIT say otherwise. The oldest
events are dropped beyond 100,000.

What is as Stripe, what is simplified and what is unknown, with the test that holds each:
internal/stripesandbox/FIDELITY.md.

Test payment methods: the tokens and numbers of https://docs.stripe.com/testing, such as pm_card_visa or
pm_card_chargeCustomerFail, each declining where Stripe's does. The sandbox's own begin with pm_sandbox_:
  pm_sandbox_decline_insufficient_funds_times_2         declined twice off-session, then good
  pm_sandbox_decline_do_not_honor_advice_try_again_later   with Stripe's advice, always
  pm_sandbox_authenticate_times_1                       3D Secure off-session once, then good
  pm_sandbox_setup_processing                           a bank account whose set-up is processing first

Control routes, JSON without a key, under /_sandbox:
  POST /checkout/{id}/pay                      the buyer: {"payment_method": "pm_card_visa"}
  GET  /checkout/{id}                          the buyer's page, the url of hosted sessions
  POST /invoice/{id}/pay                       the customer pays an open invoice; GET /invoice/{id} is the page for it
  GET  /                                       a page with open sessions and invoices, and recent payments
  POST /payment_intents/{id}/authenticate      end of 3D Secure: {"result": "pass"|"fail"}; /setup_intents/{id}/… alike
  POST /payment_intents/{id}/settle            the bank's answer to a debit: {"outcome": "succeeded"|"failed"}
  POST /payment_intents/{id}/dispute           the cardholder disputes the payment
  POST /mandates/{id}/inactivate               the customer or the bank withdraws a mandate
  POST /payment_methods/{id}/automatic_update  the card network replaced the card: {"token", "exp_month", "exp_year"}, all optional
  POST /faults                                 break requests: {"kind": "drop_after", "method": "POST",
                                               "path_prefix": "/v1/payment_intents", "skip": 1, "times": 2} or
                                               {"kind": "503", "probability": 0.1, "seed": 7}; GET lists, DELETE removes.
                                               Kinds: drop_before drop_after 500_before 500_after 403 424 502 503 504
                                               429 409 lock_timeout slow slow_before broken_json auth_401
  POST /webhooks                               {"mode": "normal"|"lost"|"duplicated"|"delayed"|"shuffled"|"stale"} with
                                               delay_ms, window_ms, types, probability, seed
  POST /events/{id}/resend                     deliver an event once more
  POST /clock                                  {"advance": "25h"}: move the sandbox's time; GET tells it
  GET  /ledger?reference=R                     what was really paid; starter sandbox audit prints it
  GET  /requests                               the recent calls; DELETE forgets them
  GET  /health                                 is it alive`
