/** What every form that cannot be read is refused with. Fetch has it a TypeError on every platform. */
export function formError(why: string): TypeError {
  return new TypeError(`The body cannot be read as a form: ${why}. Catch this error and answer with a 400.`)
}
