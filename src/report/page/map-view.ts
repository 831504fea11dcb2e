/** A place p of the map is at `scale × p + (left, top)` on the screen, in CSS pixels. */
export interface View {
  readonly scale: number
  readonly left: number
  readonly top: number
}

export interface Box {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

export const isApart = (a: Box, b: Box) => a.right < b.left || b.right < a.left || a.bottom < b.top || b.bottom < a.top

/** The view at `scale` that leaves what is at (x, y) of the screen where it is. */
export function zoomed(view: View, scale: number, x: number, y: number): View {
  const factor = scale / view.scale
  return { scale, left: x - factor * (x - view.left), top: y - factor * (y - view.top) }
}

/** The way from one view to another, from 0 to 1: places move evenly while the scale grows by even factors. */
export function flight(from: View, to: View, middle: { readonly x: number; readonly y: number }) {
  const fromX = (middle.x - from.left) / from.scale
  const fromY = (middle.y - from.top) / from.scale
  const toX = (middle.x - to.left) / to.scale
  const toY = (middle.y - to.top) / to.scale
  return (share: number): View => {
    const scale = from.scale * (to.scale / from.scale) ** share
    const x = fromX + (toX - fromX) * share
    const y = fromY + (toY - fromY) * share
    return share >= 1 ? to : { scale, left: middle.x - scale * x, top: middle.y - scale * y }
  }
}
