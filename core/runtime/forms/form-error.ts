/** Returns the error for a form that cannot be read: a TypeError, as fetch requires on every platform. */
export function formError(why: string): TypeError {
  return new TypeError(`The body cannot be read as a form: ${why}. Catch this error and answer with a 400.`)
}
