export { type Permission } from "./permissions";
export { meQuery, useLogin, useLogout, useSession, type Session } from "./session";
