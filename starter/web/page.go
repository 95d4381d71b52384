package web

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"

	"github.com/offsession/offsession/workflows/money"
)

//go:embed templates/page.html
var templateFiles embed.FS

var pageTemplate = template.Must(template.ParseFS(templateFiles, "templates/page.html"))

// step is what the page's script does.
type step string

const (
	// stepAct: show the button and Stripe's form.
	stepAct step = "act"
	// stepWait: poll until the view changes, then load the page again.
	stepWait step = "wait"
	// stepReturn: poll for the end, and ask the workflow to look at Stripe when it does not come.
	stepReturn step = "return"
	// stepLeave: go on to the app's own page.
	stepLeave step = "leave"
)

// page is what the template shows. Addresses are relative, so that the pages work behind any path of a proxy.
type page struct {
	Title, Heading, Text string
	View                 view
	Mode                 mode
	// Step is empty on a page without a script.
	Step step
	// Root leads to where /assets is, Here to the customer's page itself.
	Root, Here              string
	Style, Script, StripeJS string
	Amount, Description     string
	// TrialEnd is when the trial ends.
	TrialEnd                string
	Start, Confirm          string
	Consent, ConsentVersion string
	// Continue is the app's own page.
	Continue string
	// Secured shows who handles the payment details.
	Secured bool
}

func (s *server) showPage(w http.ResponseWriter, r *http.Request) {
	token := r.PathValue("token")
	sit, err := s.situationOf(r.Context(), token)
	if err != nil {
		s.showProblem(w, r, "../", err)
		return
	}
	p := s.pageOf(sit)
	p.Root, p.Here = "../", token
	if sit.view == viewDone {
		p.Continue = s.config.AppReturnURL
	}
	s.write(w, http.StatusOK, p)
}

// showReturn is where the browser comes after Stripe, often before Stripe's webhook does.
func (s *server) showReturn(w http.ResponseWriter, r *http.Request) {
	sit, err := s.situationOf(r.Context(), r.PathValue("token"))
	if err != nil {
		s.showProblem(w, r, "../../", err)
		return
	}
	p := s.pageOf(sit)
	p.Root, p.Here = "../../", "../"+r.PathValue("token")
	switch sit.view {
	case viewAct, viewBusy:
		p.Step, p.StripeJS, p.Consent, p.ConsentVersion, p.TrialEnd, p.Secured = stepReturn, "", "", "", "", false
		p.Heading, p.Text = "One moment", "We are checking with Stripe."
		p.Title = p.Heading
	case viewDone:
		p.Continue = s.config.AppReturnURL
		if p.Continue != "" {
			p.Step = stepLeave
		}
	case viewProcessing, viewClosed, viewAttention:
	}
	s.write(w, http.StatusOK, p)
}

// pageOf is the page of a situation, without the addresses.
func (s *server) pageOf(sit situation) page {
	said := wordsOf(sit)
	p := page{
		Title: said.heading, Heading: said.heading, Text: said.text, View: sit.view, Mode: sit.mode,
		Start: said.start, Confirm: said.confirm, Consent: said.consent, Description: sit.description,
	}
	if sit.amount > 0 {
		p.Amount = money.Format(sit.amount, sit.currency, locale)
	}
	switch sit.view {
	case viewAct:
		p.Step, p.StripeJS, p.Secured = stepAct, s.config.StripeJSURL, true
		if sit.mode == modeSetup || sit.subscription {
			// A press may find that a subscription needs another payment method after all.
			p.ConsentVersion = ConsentVersion
		}
		p.TrialEnd = sit.trialEnd
	case viewBusy, viewProcessing:
		p.Step = stepWait
	case viewDone, viewClosed, viewAttention:
	}
	return p
}

// showProblem says why a link leads nowhere, in words for people.
func (s *server) showProblem(w http.ResponseWriter, r *http.Request, root string, err error) {
	p := page{Root: root, View: "problem"}
	status := statusOf(err)
	switch status {
	case http.StatusGone:
		p.Heading, p.Text = "This link has expired", "Please ask us for a new one."
	case http.StatusServiceUnavailable:
		s.unavailable(w, r, err)
		p.Heading, p.Text = "Not available at the moment", "Please try again in a minute. Nothing was charged or changed."
	default:
		p.Heading, p.Text = "This link is not valid", "Please open the link from our message again, and check that all of it was copied."
	}
	p.Title = p.Heading
	s.write(w, status, p)
}

func (s *server) write(w http.ResponseWriter, status int, p page) {
	p.Style = s.assets.style
	if p.Step != "" {
		p.Script = s.assets.script
	}
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, p); err != nil {
		s.log.Error("page not shown", "view", p.View, "error", err)
		writeText(w, http.StatusInternalServerError, "this page is broken")
		return
	}
	s.metrics.pages.WithLabelValues(string(p.View)).Inc()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the client is gone when this fails
}
