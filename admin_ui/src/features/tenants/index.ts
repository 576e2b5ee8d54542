export { TenantPage } from "./TenantPage";
export { TenantsPage } from "./TenantsPage";
