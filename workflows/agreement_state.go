package workflows

// agreementState is everything a BillingAgreement knows, and all that continue-as-new carries over.
type agreementState struct {
	entityState
	Version int `json:"version"`
}
