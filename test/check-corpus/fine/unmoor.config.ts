export default { name: 'check-fine', entry: 'src/app.tsx' }
