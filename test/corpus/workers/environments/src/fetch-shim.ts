export default (url: string) => Promise.resolve(`shim of ${url}`)
