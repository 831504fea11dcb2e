// Mouse, touch and wheel events as the few gestures that a map needs.

interface Gestures {
  /** A pointer hovers. */
  readonly onPoint: (x: number, y: number) => void
  readonly onLeave: () => void
  /** A press starts. */
  readonly onHold: () => void
  /** The content at `from` moves to `to` and grows by `factor`. */
  readonly onMove: (from: Place, to: Place, factor: number) => void
  /** The last pointer is released. */
  readonly onRelease: () => void
  /** A press that did not move. */
  readonly onTap: (x: number, y: number) => void
  readonly onDoubleTap: (x: number, y: number) => void
  /** Whether a press that starts now draws a line instead of moving. */
  readonly isDrawing: (event: PointerEvent) => boolean
  /** The line so far. */
  readonly onDraw: (line: readonly Place[]) => void
  /** The finished line; empty if cancelled. */
  readonly onDrawn: (line: readonly Place[]) => void
}

export interface Place {
  readonly x: number
  readonly y: number
}

/** A press that moves fewer pixels is a tap. */
const steady = 4

export function listen(element: HTMLElement, gestures: Gestures): void {
  const pointers = new Map<number, Place>()
  let moved = 0
  let line: Place[] | undefined
  const place = (event: MouseEvent): Place => {
    const { left, top } = element.getBoundingClientRect()
    return { x: event.clientX - left, y: event.clientY - top }
  }
  /** The middle of the first two pointers, and their distance. */
  const spread = () => {
    const [one = { x: 0, y: 0 }, two] = pointers.values()
    return two === undefined
      ? { x: one.x, y: one.y, distance: 0 }
      : { x: (one.x + two.x) / 2, y: (one.y + two.y) / 2, distance: Math.hypot(one.x - two.x, one.y - two.y) }
  }
  element.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return
    element.setPointerCapture(event.pointerId)
    pointers.set(event.pointerId, place(event))
    if (pointers.size === 1) {
      moved = 0
      line = gestures.isDrawing(event) ? [place(event)] : undefined
    } else if (line !== undefined) {
      // A second finger zooms.
      line = undefined
      gestures.onDrawn([])
    }
    gestures.onHold()
  })
  element.addEventListener('pointermove', (event) => {
    const at = place(event)
    if (!pointers.has(event.pointerId)) {
      gestures.onPoint(at.x, at.y)
      return
    }
    const before = spread()
    pointers.set(event.pointerId, at)
    const after = spread()
    moved += Math.hypot(after.x - before.x, after.y - before.y) + Math.abs(after.distance - before.distance)
    if (line !== undefined) {
      line.push(at)
      gestures.onDraw(line)
    } else if (moved >= steady)
      gestures.onMove(before, after, before.distance > 0 ? after.distance / before.distance : 1)
  })
  const release = (event: PointerEvent) => {
    if (!pointers.delete(event.pointerId) || pointers.size > 0) return
    gestures.onRelease()
    if (line !== undefined) {
      const drawn = event.type === 'pointercancel' || moved < steady ? [] : line
      line = undefined
      gestures.onDrawn(drawn)
      if (drawn.length > 0) return
    }
    if (event.type === 'pointercancel' || moved >= steady) return
    const { x, y } = place(event)
    gestures.onTap(x, y)
  }
  element.addEventListener('pointerup', release)
  element.addEventListener('pointercancel', release)
  element.addEventListener('pointerleave', () => gestures.onLeave())
  element.addEventListener('dblclick', (event) => {
    const { x, y } = place(event)
    gestures.onDoubleTap(x, y)
  })
  element.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault()
      const at = place(event)
      const pixels = event.deltaMode === 0 ? event.deltaY : 24 * event.deltaY
      // Touchpads report a pinch as a wheel with Control.
      const factor = Math.exp(-Math.max(-160, Math.min(160, pixels)) * (event.ctrlKey ? 0.01 : 0.0022))
      gestures.onMove(at, at, factor)
    },
    { passive: false },
  )
}
