package stripesandbox

// coupon: https://docs.stripe.com/api/coupons/object
type coupon struct {
	header
	Name             string
	PercentOff       float64 // 0 when AmountOff is set
	AmountOff        int64   // minor units
	Currency         string  // of AmountOff
	Duration         string  // once, repeating or forever
	DurationInMonths int64   // of repeating
	MaxRedemptions   int64
	TimesRedeemed    int64
	RedeemBy         int64 // Unix time
	Deleted          bool
}
