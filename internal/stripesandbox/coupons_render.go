package stripesandbox

import "strconv"

func (o *coupon) render(w *writer) {
	w.open("")
	w.str("id", o.ID)
	w.str("object", "coupon")
	w.optInteger("amount_off", o.AmountOff)
	w.integer("created", o.Created)
	w.opt("currency", o.Currency)
	w.str("duration", o.Duration)
	w.optInteger("duration_in_months", o.DurationInMonths)
	w.boolean("livemode", false)
	w.optInteger("max_redemptions", o.MaxRedemptions)
	w.metadata(o.Metadata)
	w.opt("name", o.Name)
	w.raw("percent_off", strconv.FormatFloat(o.PercentOff, 'f', -1, 64))
	w.optInteger("redeem_by", o.RedeemBy)
	w.integer("times_redeemed", o.TimesRedeemed)
	w.boolean("valid", true)
	w.close()
}
