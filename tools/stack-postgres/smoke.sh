#!/usr/bin/env bash
# One payment through everything:   STACK_COMMAND=tools/stack-postgres/smoke.sh make stack-postgres
# Exit 0: it was charged, and is found by its search attributes.
set -euo pipefail
cd "$(dirname "$0")/../.."

stripe() { curl --silent --show-error --fail --user "$STRIPE_API_KEY:" "$STRIPE_API_BASE/v1/$1" "${@:2}"; }

customer=$(stripe customers -d payment_method=pm_card_visa -d "invoice_settings[default_payment_method]=pm_card_visa" |
	grep -o '"id":"cus_[A-Za-z0-9]*"' | head -n 1 | cut -d '"' -f 4)
reference=smoke-$(date +%s)-$$
bin/starter payment start --reference "$reference" --customer "$customer" --amount 1099 --currency usd
for _ in {1..60}; do
	if bin/starter payment show "$reference" --output json | grep -q '"state": "paid"'; then
		# PostgreSQL's visibility answers a query by search attribute.
		temporal workflow count --query "OffsessionReference = '$reference' AND OffsessionState = 'paid'" | grep -q 'Total: 1'
		echo "payment $reference of $customer is paid"
		exit 0
	fi
	sleep 0.5
done
bin/starter payment show "$reference" >&2
exit 1
