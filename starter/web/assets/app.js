// @ts-check
'use strict';

/**
 * The script of the customer's page. It drives Stripe.js (release train "basil") and polls our own status; it keeps no
 * secret longer than the page is open. https://docs.stripe.com/payments/accept-a-payment?ui=elements
 *
 * @typedef {'act' | 'busy' | 'processing' | 'done' | 'closed' | 'attention'} View
 * @typedef {'setup' | 'payment' | 'confirm' | 'invoice'} Mode
 * @typedef {{view: View, state: string, mode: Mode, ended: boolean}} Status answer of GET …/status
 * @typedef {{
 *   answer: 'open' | 'busy' | 'pending' | 'processing' | 'done' | 'closed',
 *   state: string,
 *   mode: Mode,
 *   session_id?: string,
 *   setup_intent?: string,
 *   client_secret?: string,
 *   url?: string,
 *   publishable_key?: string,
 * }} Session answer of POST …/session
 * @typedef {import('@stripe/stripe-js').Stripe} Stripe
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
  /** The end of the address of a page to which the customer comes back from the bank, and not from a form. */
  const confirmed = '#confirmed';
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

  /** The button, then Stripe's form, the bank, or Stripe's page. */
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
      if (session) await follow(session);
    }

    /**
     * Does what the session is for. That may have changed since the page was loaded.
     *
     * @param {Session} session
     * @param {string} [why] what went wrong before
     */
    async function follow(session, why = '') {
      if (session.mode === 'invoice' && session.url) {
        location.assign(session.url);
        return;
      }
      const changed = session.mode !== root.dataset.mode;
      if (changed && !(await reword(session.mode))) {
        location.assign(here.page);
        return;
      }
      say('');
      complain(why);
      if (session.mode === 'confirm') {
        await confirmWithBank(session);
      } else if (!session.url) {
        await showForm(session);
      } else if (changed) {
        start.focus(); // nobody goes to a form without having read what it is for
      } else {
        location.assign(session.url);
      }
    }

    /** @param {Session} session */
    async function confirmWithBank(session) {
      const stripe = stripeOf(session);
      if (!stripe) return;
      say('Please follow what your bank asks.');
      const {error} = await stripe.confirmCardSetup(session.client_secret ?? '');
      if (!error) {
        location.assign(`${here.back}${confirmed}`);
        return;
      }
      // Asking again makes the workflow look at Stripe: now the card may have to be another.
      say('One moment…');
      const next = await openSession();
      if (!next) return;
      if (next.mode === 'confirm') {
        complain(`Your bank has not confirmed this. ${error.message ?? 'Please try again.'}`);
        return;
      }
      await follow(next, `This card was not confirmed. ${next.mode === 'setup' ? 'Please enter it again, or another one.' : ''}`);
    }

    /** @param {Session} session */
    async function showForm(session) {
      const stripe = stripeOf(session);
      if (!stripe) return;
      const secret = session.client_secret ?? '';
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
   * Puts the words of another mode in place of those the page was loaded with.
   *
   * @param {Mode} mode
   * @returns {Promise<boolean>} false when the page has no such words now
   */
  async function reword(mode) {
    try {
      const response = await fetch(here.page);
      const page = new DOMParser().parseFromString(await response.text(), 'text/html');
      if (page.getElementById('page')?.dataset.mode !== mode) return false;
      for (const id of ['words', 'consent', 'start', 'confirm']) {
        const now = page.getElementById(id);
        if (!now) return false;
        element(id).replaceChildren(...now.childNodes);
      }
      document.title = page.title;
      root.dataset.mode = mode;
      return true;
    } catch {
      return false;
    }
  }

  /**
   * @param {Session} session
   * @returns {Stripe | null} null when Stripe.js was not loaded
   */
  function stripeOf(session) {
    if (window.Stripe) return window.Stripe(session.publishable_key ?? '');
    complain('The form of our payment service, Stripe, could not be loaded. Please check your connection or blocker and load this page again.');
    return null;
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
          if (session.mode === 'invoice') {
            complain('We are just about to collect this ourselves. So that you do not pay twice, please try again in about ten minutes.');
            return null;
          }
          if (++refusedAsBusy === 3) {
            complain('An earlier attempt may still be under way. So that you do not pay twice, please try again in about ten minutes.');
            return null;
          }
          say('We are just trying your saved payment method. One moment…');
          await sleep(1000);
          await untilStatus(({view}) => view !== 'busy', 60);
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
   * POST …/session, again while the service is not available at the moment: pressing twice opens the same session. A link
   * that no longer leads anywhere is shown as such by the page itself.
   *
   * @returns {Promise<Session | null>} null when the service did not answer or refused
   */
  async function postSession() {
    const version = root.dataset.consentVersion;
    for (let asked = 1; ; asked++) {
      try {
        const response = await fetch(here.session, {
          method: 'POST',
          headers: {'Content-Type': 'application/json'},
          body: JSON.stringify(version ? {consent_version: version} : {}),
        });
        if (response.status === 404 || response.status === 410) location.assign(here.page);
        if (response.ok) return await response.json();
        if (response.status !== 503 || asked === 3) return null;
      } catch {
        return null;
      }
      await sleep(2000);
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
   * Polls, ever more slowly, until the status is as asked for.
   *
   * @param {(status: Status) => boolean} isGood
   * @param {number} seconds how long to poll
   * @returns {Promise<Status | null>} null when it is not by then
   */
  async function untilStatus(isGood, seconds) {
    const end = Date.now() + seconds * 1000;
    for (let pause = 1000; Date.now() < end; pause = Math.min(pause * 1.3, 15000)) {
      const status = await getStatus();
      if (status && isGood(status)) return status;
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
    if (await untilStatus(({view}) => view !== shown, 3600)) location.reload();
  }

  /** After Stripe or the bank has sent the customer back: Stripe's webhook may be late, or lost. */
  async function waitForEnd() {
    // A subscription may need more than what the customer has just done.
    const did = location.hash === confirmed ? 'confirm' : root.dataset.mode === 'payment' ? 'payment' : 'setup';
    /** @param {Status} status */
    const isOver = ({view, mode}) => (view === 'act' ? mode !== did : view !== 'busy');
    /** @param {Status | null} status */
    const isShown = (status) => {
      if (status?.view === 'act') offer(status.mode, did);
      else if (status) location.reload();
      return status !== null;
    };
    if (isShown(await untilStatus(isOver, 6))) return;
    // This makes the workflow look at Stripe itself.
    const session = await postSession();
    if (session?.answer === 'open') {
      offer(session.mode, did);
      return;
    }
    if (isShown(await untilStatus(isOver, 120))) return;
    say('This takes longer than usual. You can close this page: we go on checking, and you will hear from us if anything is needed.');
  }

  /**
   * Leads on to what is left to do.
   *
   * @param {Mode} next
   * @param {Mode} did what the customer comes from
   */
  function offer(next, did) {
    let [heading, text, link] = ['Not finished yet', 'Stripe has nothing from you so far. You can go back to the form and try again.', 'Back to the form'];
    if (next === 'confirm' && did === 'confirm') {
      [text, link] = ['Your bank has not confirmed this yet. You can go back and try again.', 'Back to your bank'];
    } else if (next === 'confirm') {
      heading = 'One more step: confirm with your bank';
      [text, link] = ['Your bank wants you to confirm this payment method. It takes about a minute.', 'Go on to your bank'];
    } else if (next === 'invoice') {
      heading = 'One more step: an open invoice';
      [text, link] = ['Your payment method is in place. An invoice is still to be paid.', 'Go on to the invoice'];
    } else if (did === 'confirm') {
      [heading, text, link] = ['Not confirmed', 'This card was not confirmed. Please enter it again, or another one.', 'Enter payment details'];
    }
    document.title = heading;
    element('heading').textContent = heading;
    element('text').textContent = text;
    const back = element('back');
    back.textContent = link;
    back.hidden = false;
    back.focus();
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
