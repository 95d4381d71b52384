package stripesandbox

import (
	"cmp"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS []byte

	pageTemplate = template.Must(template.New("page").Parse(pageHTML))
)

// buyerPage is what page.html shows of something that can be paid: the test payment
// methods to choose from, a 3D Secure challenge, or what became of it.
type buyerPage struct {
	Title   string // of the document
	Heading string
	Text    string
	ID      string
	Lines   []pageLine
	Total   string

	Challenge string        // the card whose bank asks for 3D Secure
	Groups    []methodGroup // to choose from, none when there is nothing left to do
	Chosen    string        // the Value of one of them
	AskEmail  bool
	Email     string
	Button    string
	Open      bool // a challenge was left open
	Problem   *pageProblem

	Back string // where the buyer goes without paying
	Next string // where the buyer goes afterwards
}

type pageLine struct{ Text, Amount string }

// pageProblem is why the last try failed.
type pageProblem struct{ Message, Codes string }

func problemOf(err *apiError) *pageProblem {
	p := &pageProblem{Message: err.Message, Codes: err.Code}
	if err.DeclineCode != "" && err.DeclineCode != err.Code {
		p.Codes += ", " + err.DeclineCode
	}
	return p
}

// choice is what a buyer sent with the page's form.
type choice struct{ method, email string }

// payment is the buyer's choice, or their answer to a 3D Secure challenge. A challenge
// that has not been answered yet is the page's next step.
func (ch choice) payment(answer string) Payment {
	if answer != "" {
		return Payment{Authenticate: Authentication(answer)}
	}
	in := Payment{Email: ch.email, Authenticate: AuthenticationAbandoned}
	if luhn(ch.method) {
		in.Number = ch.method
	} else {
		in.PaymentMethod = ch.method
	}
	return in
}

// choose puts the methods to choose from on the page.
func (p *buyerPage) choose(groups []methodGroup, chosen string) {
	p.Groups, p.Chosen = groups, chosen
	if chosen == "" && len(groups) > 0 {
		p.Chosen = groups[0].Methods[0].Value
	}
}

// challenge puts on the page that pm's bank asks for 3D Secure, if it does and the buyer
// is not past that. It reports whether that is all there is to do.
func (p *buyerPage) challenge(pm *paymentMethod, methods bool, failed *apiError) bool {
	if failed != nil {
		p.Problem = problemOf(failed)
	}
	if pm == nil || methods || failed != nil {
		p.Open = pm != nil
		return false
	}
	p.Heading, p.Challenge = "3D Secure", pm.shown()
	return true
}

// status completes the page and returns its HTTP status.
func (p *buyerPage) status(gone bool, failed *apiError) int {
	p.Title = p.Heading
	switch {
	case p.Problem != nil:
		p.Title = "Error: " + p.Heading
		return failed.Status
	case failed != nil:
		return http.StatusConflict // what the buyer sent came too late
	case gone:
		return http.StatusGone
	}
	return http.StatusOK
}

// pageKind is a kind of thing that has a page for its buyer.
type pageKind struct {
	// show returns the page and its HTTP status. Methods asks for the payment methods
	// although a 3D Secure challenge is open; failed is how the last try ended.
	show func(c *call, id string, sent choice, methods bool, failed *apiError) (*buyerPage, int)
	// pay is one try to pay. It returns where the buyer goes next, "" for the page itself.
	pay func(c *call, id string, in Payment) (next string, failed *apiError)
}

var (
	checkoutPages = pageKind{(*call).checkoutPage, (*call).payCheckoutPage}
	invoicePages  = pageKind{(*call).invoicePage, (*call).payInvoicePage}
)

func (s *Sandbox) handlePage(kind pageKind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var page *buyerPage
		var status int
		unwritten := s.locked(func(c *call) {
			page, status = kind.show(c, r.PathValue("id"), choice{}, r.URL.Query().Has("methods"), nil)
		})
		s.writePage(w, status, "pay", page, unwritten)
	}
}

// handlePageForm is the page's buttons: they pay, then send the buyer back to the shop,
// or show the page again with what is to be done next or what went wrong.
func (s *Sandbox) handlePageForm(kind pageKind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, "The form could not be read.", http.StatusBadRequest)
			return
		}
		sent := choice{r.PostForm.Get("method"), r.PostForm.Get("email")}
		var page *buyerPage
		var status int
		var next string
		unwritten := s.locked(func(c *call) {
			var failed *apiError
			next, failed = kind.pay(c, r.PathValue("id"), sent.payment(r.PostForm.Get("authenticate")))
			if failed != nil && failed.Code != codeChallengeOpen {
				page, status = kind.show(c, r.PathValue("id"), sent, false, failed)
			}
		})
		if page != nil || unwritten != nil {
			s.writePage(w, status, "pay", page, unwritten)
			return
		}
		http.Redirect(w, r, cmp.Or(next, r.URL.Path), http.StatusSeeOther) //nolint:gosec // the shop's own address, or this page
	}
}

// challenged is the payment method whose 3D Secure challenge is open in one of the intents.
func (c *call) challenged(paymentIntentID, setupIntentID string) *paymentMethod {
	var id string
	if pi, ok := lookup[*paymentIntent](c.sandbox.store, paymentIntentID); ok && pi.challenged() {
		id = pi.PaymentMethod
	}
	if si, ok := lookup[*setupIntent](c.sandbox.store, setupIntentID); ok && si.challenged() {
		id = si.PaymentMethod
	}
	pm, _ := lookup[*paymentMethod](c.sandbox.store, id)
	return pm
}

// shown names a card as on a receipt: Visa ending in 4242.
func (pm *paymentMethod) shown() string {
	m := pm.test()
	return strings.ToUpper(m.brand[:1]) + m.brand[1:] + " ending in " + m.last4()
}

// writePage answers with a page, or says that what it shows could not be stored.
func (s *Sandbox) writePage(w http.ResponseWriter, status int, name string, data any, unwritten error) {
	if unwritten != nil {
		http.Error(w, notStored(unwritten).Message, http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	// A form's action includes where its answer redirects to: the shop.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; form-action 'self' http: https:; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	if err := pageTemplate.ExecuteTemplate(w, name, data); err != nil {
		s.cfg.Logger.Error("page not written", "page", name, "error", err)
	}
}

func servePageCSS(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(pageCSS) // a browser that went away has nothing left to be told
}

// webURL is target if a browser can be sent there, else "".
func webURL(target string) string {
	if !isWebURL(target) {
		return ""
	}
	return target
}

func isWebURL(target string) bool {
	u, err := url.Parse(target)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}
