export default defineEventHandler(() => {
  throw new TypeError('as meant')
})
