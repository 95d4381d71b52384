package stripesandbox

import (
	"net/http"
	"strings"
)

// apiError is Stripe's error object. Status 0 marks one that is only kept as
// last_payment_error or last_setup_error.
// https://docs.stripe.com/api/errors
type apiError struct {
	Status             int
	Type               string
	Code               string
	DeclineCode        string
	Param              string
	Message            string
	AdviceCode         string
	NetworkAdviceCode  string
	NetworkDeclineCode string
	Charge             string
	PaymentIntent      *paymentIntent
	SetupIntent        *setupIntent
	PaymentMethod      *paymentMethod
	RequestID          string
}

const (
	typeCard           = "card_error"
	typeInvalidRequest = "invalid_request_error"
	typeIdempotency    = "idempotency_error"
	typeAPI            = "api_error"
)

func (e *apiError) render(w *writer) {
	w.open("")
	w.key("error")
	e.renderBody(w)
	w.close()
}

// errorBody is an apiError as last_payment_error shows it, without the frame.
type errorBody struct{ *apiError }

func (e errorBody) render(w *writer) { e.renderBody(w) }

func (e *apiError) renderBody(w *writer) {
	w.open("")
	w.present("advice_code", e.AdviceCode)
	w.present("charge", e.Charge)
	w.present("code", e.Code)
	w.present("decline_code", e.DeclineCode)
	if e.Code != "" {
		w.str("doc_url", "https://stripe.com/docs/error-codes/"+strings.ReplaceAll(e.Code, "_", "-"))
	}
	w.str("message", e.Message)
	w.present("network_advice_code", e.NetworkAdviceCode)
	w.present("network_decline_code", e.NetworkDeclineCode)
	w.present("param", e.Param)
	if e.PaymentIntent != nil {
		w.embed("payment_intent", e.PaymentIntent)
	}
	if e.PaymentMethod != nil {
		w.embed("payment_method", e.PaymentMethod)
		w.str("payment_method_type", e.PaymentMethod.Type)
	}
	if e.RequestID != "" {
		w.str("request_log_url", "https://dashboard.stripe.com/test/logs/"+e.RequestID)
	}
	if e.SetupIntent != nil {
		w.embed("setup_intent", e.SetupIntent)
	}
	w.str("type", e.Type)
	w.close()
}

// stored reports whether Stripe keeps this answer under an idempotency key whatever the
// call has changed: it does once execution has begun, not for what was refused before.
// https://docs.stripe.com/api/idempotent_requests
func (e *apiError) stored() bool {
	return e.Status == http.StatusPaymentRequired || e.Status == http.StatusInternalServerError
}

func invalidRequest(message string) *apiError {
	return &apiError{Status: http.StatusBadRequest, Type: typeInvalidRequest, Message: brief(message)}
}

func invalidParam(param, message string) *apiError {
	e := invalidRequest(message)
	e.Param = brief(param)
	return e
}

// maxEcho bounds what an error repeats of the request.
const maxEcho = 1000

func brief(text string) string {
	if len(text) <= maxEcho {
		return text
	}
	return strings.ToValidUTF8(text[:maxEcho], "") + "…"
}

func invalidCode(code, param, message string) *apiError {
	e := invalidParam(param, message)
	e.Code = code
	return e
}

func missingParam(param string) *apiError {
	return invalidCode("parameter_missing", param, "Missing required param: "+param+".")
}

func unknownParam(param string) *apiError {
	return invalidCode("parameter_unknown", param, "Received unknown parameter: "+param)
}

func noSuch(name, id, param string) *apiError {
	message := "No such " + name + ": '" + id + "'"
	if strings.HasPrefix(id, "cs_live_") { // the only ids that tell
		message += "; a similar object exists in live mode, but a test mode key was used to make this request."
	}
	e := invalidCode("resource_missing", param, message)
	e.Status = http.StatusNotFound
	return e
}

// inParam is a lookup's error for an id that came as a parameter: Stripe answers 404
// only for those in the path.
func inParam(err *apiError) *apiError {
	if err != nil {
		err.Status = http.StatusBadRequest
	}
	return err
}
