/**
 * Edit distance of two texts, where a swap of neighbours counts once (optimal string alignment); `most + 1` for anything
 * above `most`.
 */
export function editDistance(one: string, other: string, most: number): number {
  const wide = other.length
  if (Math.abs(one.length - wide) > most) return most + 1
  let before: number[] = []
  let above = Array.from({ length: wide + 1 }, (_, j) => j)
  for (let i = 1; i <= one.length; i++) {
    const line = [i]
    let least = i
    for (let j = 1; j <= wide; j++) {
      const isSame = one[i - 1] === other[j - 1]
      let value = Math.min(above[j]! + 1, line[j - 1]! + 1, above[j - 1]! + (isSame ? 0 : 1))
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1])
        value = Math.min(value, before[j - 2]! + 1)
      line.push(value)
      least = Math.min(least, value)
    }
    if (least > most) return most + 1
    before = above
    above = line
  }
  return above[wide]!
}
