package stripesandbox

import (
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

func choiceOf(r *http.Request) choice {
	return choice{r.PostForm.Get("method"), r.PostForm.Get("email")}
}

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

// handlePage shows a Checkout Session.
func (s *Sandbox) handlePage(w http.ResponseWriter, r *http.Request) {
	var page *buyerPage
	var status int
	unwritten := s.locked(func(c *call) {
		page, status = c.checkoutPage(r.PathValue("id"), choice{}, r.URL.Query().Has("methods"), nil)
	})
	s.writePage(w, status, "pay", page, unwritten)
}

// handlePageForm is the page's buttons: they pay, then send the buyer back to the shop,
// or show the page again with what is to be done next or what went wrong.
func (s *Sandbox) handlePageForm(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form could not be read.", http.StatusBadRequest)
		return
	}
	sent := choiceOf(r)
	var page *buyerPage
	var status int
	next := r.URL.Path
	unwritten := s.locked(func(c *call) {
		cs, err := c.payByID(r.PathValue("id"), sent.payment(r.PostForm.Get("authenticate")))
		switch {
		case err == nil && isWebURL(cs.redirect()):
			next = cs.redirect()
		case err != nil && err.Code != codeChallengeOpen:
			page, status = c.checkoutPage(r.PathValue("id"), sent, false, err)
		}
	})
	if page != nil || unwritten != nil {
		s.writePage(w, status, "pay", page, unwritten)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// checkoutPage returns the page of a session and its HTTP status. Methods asks for the
// payment methods although a 3D Secure challenge is open; failed is how the last try ended.
func (c *call) checkoutPage(id string, sent choice, methods bool, failed *apiError) (*buyerPage, int) {
	cs, err := named[*checkoutSession](c, id, "checkout.session", "session")
	if err != nil {
		return &buyerPage{Title: "Not found", Heading: "No such Checkout Session", Text: err.Message}, err.Status
	}
	p := &buyerPage{ID: cs.ID, Text: "Saves a payment method for later. Nothing is charged now."}
	if cs.Mode == modePayment {
		p.Text, p.Total = "", amountText(cs.AmountTotal, cs.Currency)
		for _, li := range cs.LineItems {
			p.Lines = append(p.Lines, lineOf(li.Description, li.Quantity, li.amount(), li.Price.Currency))
		}
	}
	switch cs.Status {
	case sessionComplete:
		p.Heading, p.Text = "Payment method saved", "This Checkout Session is complete."
		if cs.Mode == modePayment {
			p.Heading = "Paid"
			if cs.PaymentStatus == paymentUnpaid {
				p.Heading, p.Text = "Payment under way", "This Checkout Session is complete. The bank's answer to the debit comes later."
			}
		}
		p.Next = webURL(cs.redirect())
	case sessionExpired:
		p.Heading, p.Text, p.Back = "This session has expired", "Nothing was charged. Go back and start again.", webURL(cs.CancelURL)
	default:
		c.offer(p, cs, sent, methods, failed)
	}
	p.Title = p.Heading
	switch {
	case p.Problem != nil:
		p.Title = "Error: " + p.Heading
		return p, failed.Status
	case failed != nil:
		return p, http.StatusConflict // what the buyer sent came too late
	case cs.Status == sessionExpired:
		return p, http.StatusGone
	}
	return p, http.StatusOK
}

// offer shows what an open session waits for.
func (c *call) offer(p *buyerPage, cs *checkoutSession, sent choice, methods bool, failed *apiError) {
	p.Heading, p.Button, p.Back = "Save a payment method", "Save", webURL(cs.CancelURL)
	if cs.Mode == modePayment {
		p.Heading, p.Button = "Pay "+p.Total, "Pay "+p.Total
	}
	if failed != nil {
		p.Problem = problemOf(failed)
	}
	challenged := c.challenged(cs.PaymentIntent, cs.SetupIntent)
	if challenged != nil && !methods && failed == nil {
		p.Heading, p.Challenge = "3D Secure", challenged.shown()
		return
	}
	p.Open = challenged != nil
	p.choose(methodGroups(cs.PaymentMethodTypes, cs.Currency), sent.method)
	p.AskEmail = cs.Customer == "" && cs.CustomerEmail == "" && cs.BuyerEmail == ""
	p.Email = sent.email
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
