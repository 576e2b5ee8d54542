export { type Permission } from "./permissions";
export { endSession, meQuery, useLogin, useLogout, useSession, type Session } from "./session";
