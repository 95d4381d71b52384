// Stripe.js puts itself on window; this makes its types known to the page's script.
import '@stripe/stripe-js';
