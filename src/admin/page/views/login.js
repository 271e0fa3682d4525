// @ts-check
import { NoAnswer, post } from '../parts/api.js'
import { make, write } from '../parts/elements.js'

/** The form for the password. @param {HTMLElement} root @param {() => void} onSignedIn */
export function openLogin(root, onSignedIn) {
  const input = make('input')
  Object.assign(input, {
    type: 'password',
    name: 'password',
    id: 'password',
    autocomplete: 'current-password',
    required: true,
  })
  // Password managers want to know whose password it is.
  const user = make('input', 'unseen')
  Object.assign(user, { type: 'text', name: 'username', autocomplete: 'username', value: 'admin' })
  user.tabIndex = -1
  user.setAttribute('aria-hidden', 'true')
  const label = make('label', '', 'Password')
  label.htmlFor = 'password'
  const problem = make('p', 'problem')
  problem.setAttribute('role', 'alert')
  const submit = make('button', 'strong', 'Sign in')
  const form = make(
    'form',
    'card login',
    make('h1', '', 'Sign in'),
    make('p', 'soft', 'The password is what ADMIN_PASSWORD of this receiver says.'),
    user,
    label,
    input,
    submit,
    problem,
  )
  form.addEventListener('submit', async (/** @type {Event} */ event) => {
    event.preventDefault()
    submit.disabled = true
    write(problem, '')
    try {
      await post('api/login', { password: input.value })
      onSignedIn()
    } catch (error) {
      write(problem, error instanceof NoAnswer ? error.message : 'This page failed. Reload it.')
      input.select()
    } finally {
      submit.disabled = false
    }
  })
  root.replaceChildren(form)
  input.focus()
  return { title: 'Sign in', refresh: async () => {} }
}
