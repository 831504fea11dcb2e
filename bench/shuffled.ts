/** The items in random order (Fisher-Yates), determined by the random numbers. */
export function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  const order = [...items]
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const item = order[i] as Item
    order[i] = order[j] as Item
    order[j] = item
  }
  return order
}
