/** Where to look for a runtime's socket. */
export interface RuntimePlace {
  /** Where the host's root directory is for us. */
  readonly rootPath: string;
  /** Sockets to look for instead of the usual ones, as paths of the host, if the configuration names none. */
  readonly candidates?: readonly string[];
}
