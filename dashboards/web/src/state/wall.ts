// The wall: one page in large type for a screen across the room, by the address and by a switch.
import { computed, effect } from "@preact/signals";
import { route, set } from "./route";

export const wall = computed(() => route.value.page === "" && route.value.query.get("wall") === "1");

export const toWall = () => set({ wall: "1" });
export const fromWall = () => set({ wall: null });

/** Mark the document, so that the type grows with the screen, and let Escape lead back. */
export function keepWall(): void {
  effect(() => {
    document.documentElement.classList.toggle("wall", wall.value);
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && wall.value) fromWall();
  });
}
