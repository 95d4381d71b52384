package stripesandbox

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// indexPage is the front page of the sandbox: what waits for a buyer, and what was paid.
type indexPage struct {
	Title    string
	Sessions []indexRow
	Invoices []indexRow
	Payments []indexRow
}

// indexRow is one line of a list; Link is relative to /_sandbox/.
type indexRow struct{ Link, Text, Amount, Status, Time string }

// A list shows the latest, and does not look for them through everything there ever was.
const (
	indexRows = 20
	indexLook = 1000
)

func (s *Sandbox) handleIndex(w http.ResponseWriter) {
	page := indexPage{Title: "Stripe sandbox"}
	unwritten := s.locked(func(c *call) {
		page.Sessions = newest(c, "checkout.session", func(cs *checkoutSession) (indexRow, bool) {
			row := indexRow{Link: "checkout/" + cs.ID, Text: cs.ID, Status: cs.Status, Amount: "no charge"}
			if cs.Mode == modePayment {
				row.Amount = amountText(cs.AmountTotal, cs.Currency)
			}
			return row, cs.Status == sessionOpen
		})
		page.Invoices = newest(c, "invoice", func(inv *invoice) (indexRow, bool) {
			row := indexRow{Link: "invoice/" + inv.ID, Text: cmp.Or(inv.Number, inv.ID), Status: inv.Status, Amount: amountText(inv.AmountDue, inv.Currency)}
			return row, inv.Status == invoiceOpen
		})
		page.Payments = newest(c, "payment_intent", func(pi *paymentIntent) (indexRow, bool) {
			return indexRow{Text: cmp.Or(pi.Terms.Description, pi.ID), Status: pi.Status, Amount: amountText(pi.Amount, pi.Currency)}, true
		})
	})
	s.writePage(w, http.StatusOK, "index", page, unwritten)
}

// newest returns rows of the latest resources of a kind that show picks, newest first.
func newest[T resource](c *call, kind string, show func(T) (indexRow, bool)) []indexRow {
	var rows []indexRow
	ids := c.sandbox.store.indexes[indexKey{kind, ""}]
	for _, id := range slices.Backward(ids[max(0, len(ids)-indexLook):]) {
		r, ok := lookup[T](c.sandbox.store, id)
		if !ok {
			continue
		}
		row, listed := show(r)
		if !listed {
			continue
		}
		row.Time = time.Unix(r.head().Created, 0).UTC().Format("2006-01-02 15:04:05 UTC")
		if rows = append(rows, row); len(rows) == indexRows {
			break
		}
	}
	return rows
}

func lineOf(text string, quantity, amount int64, currency string) pageLine {
	if quantity > 1 {
		text = strconv.FormatInt(quantity, 10) + " × " + text
	}
	return pageLine{text, amountText(amount, currency)}
}
