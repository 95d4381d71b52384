// @ts-check
'use strict';

/**
 * The script of the customer's page. It drives Stripe.js (release train "basil") and polls our own status; it keeps no
 * secret longer than the page is open. https://docs.stripe.com/payments/accept-a-payment?ui=elements
 *
 * @typedef {'act' | 'busy' | 'processing' | 'done' | 'closed' | 'attention'} View
 * @typedef {{view: View, state: string, ended: boolean}} Status answer of GET …/status
 * @typedef {{
 *   answer: 'open' | 'busy' | 'pending' | 'processing' | 'done' | 'closed',
 *   state: string,
 *   mode: 'setup' | 'payment',
 *   session_id?: string,
 *   client_secret?: string,
 *   url?: string,
 *   publishable_key?: string,
 * }} Session answer of POST …/session
 * @typedef {import('@stripe/stripe-js').StripeCheckout} StripeCheckout
 */

(() => {
  const root = element('page');
  const here = {
    page: root.dataset.page ?? '',
    session: root.dataset.session ?? '',
    status: root.dataset.status ?? '',
    back: root.dataset.return ?? '',
  };
  const tryAgain = 'That did not work. Please try again in a moment.';

  switch (root.dataset.step) {
    case 'act':
      act();
      break;
    case 'wait':
      void waitForChange(root.dataset.view ?? '');
      break;
    case 'return':
      void waitForEnd();
      break;
    case 'leave':
      setTimeout(leave, 3000);
      break;
  }

  /** The button, then Stripe's form. */
  function act() {
    const start = element('start');
    const form = element('form');
    const confirm = element('confirm');
    /** @type {StripeCheckout | null} */
    let checkout = null;

    start.hidden = false;
    start.addEventListener('click', () => working(start, begin));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void working(confirm, finish);
    });

    async function begin() {
      say('One moment…');
      const session = await openSession();
      if (!session) return;
      if (session.url) {
        location.assign(session.url);
        return;
      }
      const secret = session.client_secret ?? '';
      if (!window.Stripe) {
        complain('The form of our payment service, Stripe, could not be loaded. Please check your connection or blocker and load this page again.');
        return;
      }
      const stripe = window.Stripe(session.publishable_key ?? '');
      checkout = await stripe.initCheckout({fetchClientSecret: async () => secret});
      if (checkout.session().status.type !== 'open') {
        startOver('That took too long. Please start again.');
        return;
      }
      element('email-field').hidden = checkout.session().email !== null;
      form.hidden = false;
      start.hidden = true;
      const payment = checkout.createPaymentElement();
      payment.on('ready', () => {
        say('');
        if (element('email-field').hidden) payment.focus();
      });
      payment.on('loaderror', () => startOver('The form could not be loaded. Please try again.'));
      payment.mount('#payment-element');
      if (!element('email-field').hidden) input('email').focus();
    }

    async function finish() {
      if (!checkout) return;
      /** @type {{returnUrl: string, redirect: 'if_required', email?: string}} */
      const options = {returnUrl: new URL(here.back, location.href).href, redirect: 'if_required'};
      if (!element('email-field').hidden) {
        if (!checkEmail()) return;
        options.email = input('email').value.trim();
      }
      say('One moment…');
      const result = await checkout.confirm(options);
      if (result.type === 'success') {
        location.assign(here.back);
        return;
      }
      switch (checkout.session().status.type) {
        case 'complete':
          location.assign(here.back);
          return;
        case 'expired':
          startOver('That took too long. Please start again; nothing was charged.');
          return;
        case 'open':
          complain(result.error.message);
      }
    }

    /** @param {string} why */
    function startOver(why) {
      checkout?.getPaymentElement()?.destroy();
      checkout = null;
      form.hidden = true;
      start.hidden = false;
      complain(why);
      start.focus();
    }
  }

  /**
   * Asks for an open session until there is one. When there will be none, the page is shown anew and the answer is null.
   *
   * @returns {Promise<Session | null>}
   */
  async function openSession() {
    let refusedAsBusy = 0;
    for (let asked = 0; asked < 10; asked++) {
      const session = await postSession();
      if (!session) {
        complain(tryAgain);
        return null;
      }
      switch (session.answer) {
        case 'open':
          return session;
        case 'busy':
          if (++refusedAsBusy === 3) {
            complain('An earlier attempt may still be under way. So that you do not pay twice, please try again in about ten minutes.');
            return null;
          }
          say('We are just trying your saved payment method. One moment…');
          await sleep(1000);
          await untilView((view) => view !== 'busy', 60);
          break;
        case 'pending':
          await sleep(2000);
          break;
        case 'done':
          location.assign(here.back);
          return null;
        case 'processing':
        case 'closed':
          location.assign(here.page);
          return null;
      }
    }
    complain(tryAgain);
    return null;
  }

  /**
   * POST …/session. A link that no longer leads anywhere is shown as such by the page itself.
   *
   * @returns {Promise<Session | null>} null when the service did not answer or refused
   */
  async function postSession() {
    const version = root.dataset.consentVersion;
    try {
      const response = await fetch(here.session, {
        method: 'POST',
        headers: {'Content-Type': 'application/json'},
        body: JSON.stringify(version ? {consent_version: version} : {}),
      });
      if (response.status === 404 || response.status === 410) location.assign(here.page);
      return response.ok ? await response.json() : null;
    } catch {
      return null;
    }
  }

  /** @returns {Promise<Status | null>} null when the service did not answer */
  async function getStatus() {
    try {
      const response = await fetch(here.status);
      return response.ok ? await response.json() : null;
    } catch {
      return null;
    }
  }

  /**
   * Polls, ever more slowly, until the view is as asked for.
   *
   * @param {(view: View) => boolean} isGood
   * @param {number} seconds how long to poll
   * @returns {Promise<View | null>} null when it is not by then
   */
  async function untilView(isGood, seconds) {
    const end = Date.now() + seconds * 1000;
    for (let pause = 1000; Date.now() < end; pause = Math.min(pause * 1.3, 15000)) {
      const status = await getStatus();
      if (status && isGood(status.view)) return status.view;
      await sleep(pause);
    }
    return null;
  }

  /**
   * For a page on which there is nothing to do.
   *
   * @param {string} shown
   */
  async function waitForChange(shown) {
    if (await untilView((view) => view !== shown, 3600)) location.reload();
  }

  /** After Stripe has sent the customer back: its webhook may be late, or lost. */
  async function waitForEnd() {
    /** @param {View} view */
    const over = (view) => view !== 'act' && view !== 'busy';
    if (await untilView(over, 6)) {
      location.reload();
      return;
    }
    // This makes the workflow look at Stripe itself.
    const session = await postSession();
    if (session && session.answer === 'open') {
      element('heading').textContent = 'Not finished yet';
      element('text').textContent = 'Stripe has nothing from you so far. You can go back to the form and try again.';
      const back = element('back');
      back.hidden = false;
      back.focus();
      return;
    }
    if (await untilView(over, 120)) {
      location.reload();
      return;
    }
    say('This takes longer than usual. You can close this page: we go on checking, and you will hear from us if anything is needed.');
  }

  function leave() {
    const next = root.dataset.continue;
    if (next) location.assign(next);
  }

  /**
   * Runs one press of a button; presses meanwhile do nothing.
   *
   * @param {HTMLElement} button
   * @param {() => Promise<void>} work
   */
  async function working(button, work) {
    if (button.getAttribute('aria-disabled') === 'true') return;
    button.setAttribute('aria-disabled', 'true');
    complain('');
    try {
      await work();
    } catch {
      complain(tryAgain);
    } finally {
      button.removeAttribute('aria-disabled');
    }
  }

  /** @returns {boolean} */
  function checkEmail() {
    const field = input('email');
    const error = element('email-error');
    const good = field.value.trim() !== '' && field.checkValidity();
    error.textContent = good ? '' : 'Please enter your e-mail address, such as name@example.com.';
    error.hidden = good;
    field.setAttribute('aria-invalid', String(!good));
    if (!good) field.focus();
    return good;
  }

  /** @param {string} text */
  function say(text) {
    element('message').textContent = text;
  }

  /** @param {string} text what went wrong; it takes the place of what went on */
  function complain(text) {
    if (text) say('');
    element('problem').textContent = text;
  }

  /**
   * @param {string} id
   * @returns {HTMLElement}
   */
  function element(id) {
    const found = document.getElementById(id);
    if (!found) throw new Error(`the page has no #${id}`);
    return found;
  }

  /**
   * @param {string} id
   * @returns {HTMLInputElement}
   */
  function input(id) {
    const found = element(id);
    if (!(found instanceof HTMLInputElement)) throw new Error(`#${id} is no input`);
    return found;
  }

  /**
   * @param {number} ms
   * @returns {Promise<void>}
   */
  function sleep(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
})();
