export default defineEventHandler((event) => {
  setHeader(event, 'x-by', 'nitro')
})
