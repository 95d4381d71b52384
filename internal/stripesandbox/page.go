package stripesandbox

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// pageCards are the test cards to choose from, in the order of the table.
func pageCards() []*testMethod {
	var cards []*testMethod
	for _, card := range testCards() {
		if card.number != "" {
			cards = append(cards, card)
		}
	}
	return cards
}

// pageAccount is a bank account that the buyer's page offers.
type pageAccount struct{ Token, Label string }

var pageAccounts = []pageAccount{
	{"pm_sepaDebit_success_de", "SEPA debit: succeeds later (eur)"},
	{"pm_sepaDebit_failed_de", "SEPA debit: fails later (eur)"},
	{"pm_usBankAccount_success", "US bank account: succeeds later (usd)"},
	{"pm_usBankAccount_insufficientFunds", "US bank account: insufficient funds later (usd)"},
}

// pageCard is a test card as the template shows it.
type pageCard struct{ Number, Label string }

type pageData struct {
	Session   string
	Mode      string
	Status    string
	Amount    int64
	Currency  string
	Items     []lineItem
	Cards     []pageCard
	Accounts  []pageAccount
	NeedEmail bool
	CancelURL string
	Error     string
}

func (s *Sandbox) handlePage(w http.ResponseWriter, r *http.Request) {
	s.showPage(w, r.PathValue("id"), "")
}

func (s *Sandbox) showPage(w http.ResponseWriter, id, message string) {
	var cs *checkoutSession
	var err *apiError
	if unwritten := s.locked(func(c *call) { cs, err = named[*checkoutSession](c, id, "checkout.session", "session") }); unwritten != nil {
		err = notStored(unwritten)
	}
	if err != nil {
		http.Error(w, err.Message, err.Status)
		return
	}
	data := pageData{
		Session: cs.ID, Mode: cs.Mode, Status: cs.Status, Amount: cs.AmountTotal, Currency: cs.Currency, Items: cs.LineItems,
		Accounts: pageAccounts, CancelURL: cs.CancelURL, Error: message,
		NeedEmail: cs.Customer == "" && cs.CustomerEmail == "" && cs.BuyerEmail == "",
	}
	for _, card := range pageCards() {
		data.Cards = append(data.Cards, pageCard{card.number, card.label})
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
	if err := pageTemplate.Execute(w, data); err != nil {
		s.cfg.Logger.Error("checkout page not rendered", "error", err)
	}
}

// handlePageForm is the page's button: it pays, then sends the buyer back to the shop,
// or shows the page again with what went wrong.
func (s *Sandbox) handlePageForm(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form could not be read.", http.StatusBadRequest)
		return
	}
	in := Payment{Email: r.PostForm.Get("email"), Authenticate: Authentication(r.PostForm.Get("authenticate"))}
	if chosen := r.PostForm.Get("method"); len(chosen) > 3 && chosen[:3] == "pm_" {
		in.PaymentMethod = chosen
	} else {
		in.Number = chosen
	}
	var cs *checkoutSession
	var err *apiError
	if unwritten := s.locked(func(c *call) { cs, err = c.payByID(r.PathValue("id"), in) }); unwritten != nil {
		err = notStored(unwritten)
	}
	switch {
	case err != nil:
		s.showPage(w, r.PathValue("id"), err.Message)
	case isWebURL(cs.redirect()):
		http.Redirect(w, r, cs.redirect(), http.StatusSeeOther)
	default:
		s.showPage(w, cs.ID, "")
	}
}

func isWebURL(target string) bool {
	u, err := url.Parse(target)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}
