package activities

// CardName is how people call a payment method: "Visa card ending in 4242". An empty brand is a method that is no card,
// an empty last4 one without digits.
func CardName(brand, last4 string) string {
	name := brandName(brand)
	if last4 != "" {
		name += " ending in " + last4
	}
	return name
}

// brandName is how people write Stripe's card brand.
// https://docs.stripe.com/api/payment_methods/object#payment_method_object-card-brand
func brandName(brand string) string {
	switch brand {
	case "":
		return "saved payment method"
	case "amex":
		return "American Express card"
	case "diners":
		return "Diners Club card"
	case "discover":
		return "Discover card"
	case "jcb":
		return "JCB card"
	case "mastercard":
		return "Mastercard"
	case "unionpay":
		return "UnionPay card"
	case "visa":
		return "Visa card"
	}
	return "card"
}
