// Models by name and version, as the registry tells them.
import type { Role } from "./api";

export interface ModelRef {
  id: string;
  version: string;
  parameters: string;
  registered: string;
}

export interface Act {
  who: string;
  role: Role;
  t: string;
  why: string;
}

export type Standing = "proposed" | "approved" | "rejected" | "withdrawn";

export type Sort = "process" | "normal" | "spectra";

export interface Version {
  id: string;
  name: string;
  number: number;
  sort: Sort;
  model: ModelRef;
  sha256: string;
  standing: Standing;
  proposed: Act;
  decided: Act | null;
}

export interface Registry {
  versions: Version[];
  approved: Record<string, number>;
  in_use: Record<string, string>;
  two_persons: boolean;
}

export interface Contents {
  values: Record<string, number>;
  rests_on: { part: "file" | "run" | "fitted_on" | "calibrated_with"; name: string; sha256: string }[];
}
