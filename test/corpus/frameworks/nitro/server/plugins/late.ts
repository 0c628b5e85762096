export default defineNitroPlugin((nitro) => {
  nitro.hooks.hook('beforeResponse', (event) => setHeader(event, 'x-late', 'yes'))
})
