//! The API methods that deploy calls, each with the permission it requires.

use reqwest::Method as Verb;

/// One method of an API.
#[derive(Debug)]
pub struct Method {
    /// The method's id in Google's documentation.
    pub id: &'static str,
    pub verb: Verb,
    pub host: &'static str,
    pub permission: &'static str,
    /// The narrowest predefined role with this permission.
    pub role: &'static str,
}

macro_rules! methods {
    ($($name:ident = $verb:ident $host:literal $id:literal, $permission:literal in $role:literal;)*) => {
        $(pub const $name: Method = Method {
            id: $id,
            verb: Verb::$verb,
            host: concat!($host, ".googleapis.com"),
            permission: $permission,
            role: concat!("roles/", $role),
        };)*
    };
}

methods! {
    PROJECT_GET = GET "cloudresourcemanager" "cloudresourcemanager.projects.get",
        "resourcemanager.projects.get" in "browser";
    PROJECT_POLICY = POST "cloudresourcemanager" "cloudresourcemanager.projects.getIamPolicy",
        "resourcemanager.projects.getIamPolicy" in "resourcemanager.projectIamAdmin";
    PROJECT_GRANT = POST "cloudresourcemanager" "cloudresourcemanager.projects.setIamPolicy",
        "resourcemanager.projects.setIamPolicy" in "resourcemanager.projectIamAdmin";
    APIS_GET = GET "serviceusage" "serviceusage.services.batchGet",
        "serviceusage.services.get" in "serviceusage.serviceUsageViewer";
    APIS_ENABLE = POST "serviceusage" "serviceusage.services.batchEnable",
        "serviceusage.services.enable" in "serviceusage.serviceUsageAdmin";
    APIS_OPERATION = GET "serviceusage" "serviceusage.operations.get",
        "serviceusage.operations.get" in "serviceusage.serviceUsageAdmin";
    REPOSITORY_GET = GET "artifactregistry" "artifactregistry.projects.locations.repositories.get",
        "artifactregistry.repositories.get" in "artifactregistry.reader";
    REPOSITORY_CREATE = POST "artifactregistry" "artifactregistry.projects.locations.repositories.create",
        "artifactregistry.repositories.create" in "artifactregistry.admin";
    REPOSITORY_OPERATION = GET "artifactregistry" "artifactregistry.projects.locations.operations.get",
        "artifactregistry.repositories.get" in "artifactregistry.reader";
    PACKAGE_GET = GET "artifactregistry" "artifactregistry.projects.locations.repositories.packages.get",
        "artifactregistry.packages.get" in "artifactregistry.reader";
    VERSIONS_LIST = GET "artifactregistry" "artifactregistry.projects.locations.repositories.packages.versions.list",
        "artifactregistry.versions.list" in "artifactregistry.reader";
    TAGS_LIST = GET "artifactregistry" "artifactregistry.projects.locations.repositories.packages.tags.list",
        "artifactregistry.tags.list" in "artifactregistry.reader";
    VERSION_DELETE = DELETE "artifactregistry" "artifactregistry.projects.locations.repositories.packages.versions.delete",
        "artifactregistry.versions.delete" in "artifactregistry.repoAdmin";
    PACKAGE_DELETE = DELETE "artifactregistry" "artifactregistry.projects.locations.repositories.packages.delete",
        "artifactregistry.packages.delete" in "artifactregistry.repoAdmin";
    ACCOUNT_GET = GET "iam" "iam.projects.serviceAccounts.get",
        "iam.serviceAccounts.get" in "iam.serviceAccountViewer";
    ACCOUNT_CREATE = POST "iam" "iam.projects.serviceAccounts.create",
        "iam.serviceAccounts.create" in "iam.serviceAccountCreator";
    ACCOUNT_DELETE = DELETE "iam" "iam.projects.serviceAccounts.delete",
        "iam.serviceAccounts.delete" in "iam.serviceAccountDeleter";
    SECRET_GET = GET "secretmanager" "secretmanager.projects.secrets.get",
        "secretmanager.secrets.get" in "secretmanager.viewer";
    SECRET_CREATE = POST "secretmanager" "secretmanager.projects.secrets.create",
        "secretmanager.secrets.create" in "secretmanager.admin";
    SECRETS_LIST = GET "secretmanager" "secretmanager.projects.secrets.list",
        "secretmanager.secrets.list" in "secretmanager.viewer";
    SECRET_LABEL = PATCH "secretmanager" "secretmanager.projects.secrets.patch",
        "secretmanager.secrets.update" in "secretmanager.admin";
    SECRET_DELETE = DELETE "secretmanager" "secretmanager.projects.secrets.delete",
        "secretmanager.secrets.delete" in "secretmanager.admin";
    SECRET_ADD = POST "secretmanager" "secretmanager.projects.secrets.addVersion",
        "secretmanager.versions.add" in "secretmanager.secretVersionAdder";
    SECRET_READ = GET "secretmanager" "secretmanager.projects.secrets.versions.access",
        "secretmanager.versions.access" in "secretmanager.secretAccessor";
    SECRET_VERSION = GET "secretmanager" "secretmanager.projects.secrets.versions.get",
        "secretmanager.versions.get" in "secretmanager.viewer";
    SECRET_VERSIONS_LIST = GET "secretmanager" "secretmanager.projects.secrets.versions.list",
        "secretmanager.versions.list" in "secretmanager.viewer";
    SECRET_DESTROY = POST "secretmanager" "secretmanager.projects.secrets.versions.destroy",
        "secretmanager.versions.destroy" in "secretmanager.secretVersionManager";
    SECRET_POLICY = GET "secretmanager" "secretmanager.projects.secrets.getIamPolicy",
        "secretmanager.secrets.getIamPolicy" in "secretmanager.viewer";
    SECRET_GRANT = POST "secretmanager" "secretmanager.projects.secrets.setIamPolicy",
        "secretmanager.secrets.setIamPolicy" in "secretmanager.admin";
    BUCKET_GET = GET "storage" "storage.buckets.get",
        "storage.buckets.get" in "storage.bucketViewer";
    BUCKET_CREATE = POST "storage" "storage.buckets.insert",
        "storage.buckets.create" in "storage.admin";
    BUCKET_PATCH = PATCH "storage" "storage.buckets.patch",
        "storage.buckets.update" in "storage.admin";
    BUCKET_DELETE = DELETE "storage" "storage.buckets.delete",
        "storage.buckets.delete" in "storage.admin";
    BUCKET_POLICY = GET "storage" "storage.buckets.getIamPolicy",
        "storage.buckets.getIamPolicy" in "storage.admin";
    BUCKET_GRANT = PUT "storage" "storage.buckets.setIamPolicy",
        "storage.buckets.setIamPolicy" in "storage.admin";
    INSTANCE_GET = GET "redis" "redis.projects.locations.instances.get",
        "redis.instances.get" in "redis.viewer";
    INSTANCE_AUTH = GET "redis" "redis.projects.locations.instances.getAuthString",
        "redis.instances.getAuthString" in "redis.admin";
    INSTANCE_CREATE = POST "redis" "redis.projects.locations.instances.create",
        "redis.instances.create" in "redis.admin";
    INSTANCE_DELETE = DELETE "redis" "redis.projects.locations.instances.delete",
        "redis.instances.delete" in "redis.admin";
    INSTANCE_OPERATION = GET "redis" "redis.projects.locations.operations.get",
        "redis.operations.get" in "redis.viewer";
    OBJECTS_LIST = GET "storage" "storage.objects.list",
        "storage.objects.list" in "storage.objectViewer";
    OBJECT_GET = GET "storage" "storage.objects.get",
        "storage.objects.get" in "storage.objectViewer";
    OBJECT_INSERT = POST "storage" "storage.objects.insert",
        "storage.objects.create" in "storage.objectUser";
    OBJECT_DELETE = DELETE "storage" "storage.objects.delete",
        "storage.objects.delete" in "storage.objectUser";
    LOCATIONS_LIST = GET "run" "run.projects.locations.list",
        "run.locations.list" in "run.viewer";
    SERVICE_GET = GET "run" "run.projects.locations.services.get",
        "run.services.get" in "run.viewer";
    SERVICES_LIST = GET "run" "run.projects.locations.services.list",
        "run.services.list" in "run.viewer";
    SERVICE_CREATE = POST "run" "run.projects.locations.services.create",
        "run.services.create" in "run.admin";
    SERVICE_PATCH = PATCH "run" "run.projects.locations.services.patch",
        "run.services.update" in "run.admin";
    SERVICE_DELETE = DELETE "run" "run.projects.locations.services.delete",
        "run.services.delete" in "run.developer";
    REVISION_DELETE = DELETE "run" "run.projects.locations.services.revisions.delete",
        "run.revisions.delete" in "run.developer";
    REVISIONS_LIST = GET "run" "run.projects.locations.services.revisions.list",
        "run.revisions.list" in "run.viewer";
    RUN_OPERATION = GET "run" "run.projects.locations.operations.get",
        "run.operations.get" in "run.viewer";
    // Google does not document the permissions of domain mappings.
    DOMAIN_MAPPINGS_LIST = GET "run" "run.projects.locations.domainmappings.list",
        "run.domainmappings.list" in "run.admin";
    DOMAIN_MAPPING_GET = GET "run" "run.projects.locations.domainmappings.get",
        "run.domainmappings.get" in "run.admin";
    DOMAIN_MAPPING_CREATE = POST "run" "run.projects.locations.domainmappings.create",
        "run.domainmappings.create" in "run.admin";
    DOMAIN_MAPPING_DELETE = DELETE "run" "run.projects.locations.domainmappings.delete",
        "run.domainmappings.delete" in "run.admin";
    AUTHORIZED_DOMAINS_LIST = GET "run" "run.projects.locations.authorizeddomains.list",
        "run.domainmappings.list" in "run.admin";
    BUILD_SUBMIT = POST "run" "run.projects.locations.builds.submit",
        "run.builds.create" in "run.builder";
    BUILD_OPERATION = GET "cloudbuild" "cloudbuild.projects.locations.operations.get",
        "cloudbuild.builds.get" in "cloudbuild.builds.viewer";
    BILLING_INFO_GET = GET "cloudbilling" "cloudbilling.projects.getBillingInfo",
        "resourcemanager.projects.get" in "browser";
    BILLING_ACCOUNT_GET = GET "cloudbilling" "cloudbilling.billingAccounts.get",
        "billing.accounts.get" in "billing.viewer";
    BUDGETS_LIST = GET "billingbudgets" "billingbudgets.billingAccounts.budgets.list",
        "billing.budgets.list" in "billing.viewer";
    BUDGET_CREATE = POST "billingbudgets" "billingbudgets.billingAccounts.budgets.create",
        "billing.budgets.create" in "billing.costsManager";
    BUDGET_PATCH = PATCH "billingbudgets" "billingbudgets.billingAccounts.budgets.patch",
        "billing.budgets.update" in "billing.costsManager";
    BUDGET_DELETE = DELETE "billingbudgets" "billingbudgets.billingAccounts.budgets.delete",
        "billing.budgets.delete" in "billing.costsManager";
    CHECKS_LIST = GET "monitoring" "monitoring.projects.uptimeCheckConfigs.list",
        "monitoring.uptimeCheckConfigs.list" in "monitoring.uptimeCheckConfigViewer";
    CHECK_CREATE = POST "monitoring" "monitoring.projects.uptimeCheckConfigs.create",
        "monitoring.uptimeCheckConfigs.create" in "monitoring.uptimeCheckConfigEditor";
    CHECK_PATCH = PATCH "monitoring" "monitoring.projects.uptimeCheckConfigs.patch",
        "monitoring.uptimeCheckConfigs.update" in "monitoring.uptimeCheckConfigEditor";
    CHECK_DELETE = DELETE "monitoring" "monitoring.projects.uptimeCheckConfigs.delete",
        "monitoring.uptimeCheckConfigs.delete" in "monitoring.uptimeCheckConfigEditor";
    POLICIES_LIST = GET "monitoring" "monitoring.projects.alertPolicies.list",
        "monitoring.alertPolicies.list" in "monitoring.alertPolicyViewer";
    POLICY_CREATE = POST "monitoring" "monitoring.projects.alertPolicies.create",
        "monitoring.alertPolicies.create" in "monitoring.alertPolicyEditor";
    POLICY_PATCH = PATCH "monitoring" "monitoring.projects.alertPolicies.patch",
        "monitoring.alertPolicies.update" in "monitoring.alertPolicyEditor";
    POLICY_DELETE = DELETE "monitoring" "monitoring.projects.alertPolicies.delete",
        "monitoring.alertPolicies.delete" in "monitoring.alertPolicyEditor";
    CHANNELS_LIST = GET "monitoring" "monitoring.projects.notificationChannels.list",
        "monitoring.notificationChannels.list" in "monitoring.notificationChannelViewer";
    CHANNEL_CREATE = POST "monitoring" "monitoring.projects.notificationChannels.create",
        "monitoring.notificationChannels.create" in "monitoring.notificationChannelEditor";
    CHANNEL_PATCH = PATCH "monitoring" "monitoring.projects.notificationChannels.patch",
        "monitoring.notificationChannels.update" in "monitoring.notificationChannelEditor";
    CHANNEL_DELETE = DELETE "monitoring" "monitoring.projects.notificationChannels.delete",
        "monitoring.notificationChannels.delete" in "monitoring.notificationChannelEditor";
    KMS_PUBLIC_KEY = GET "cloudkms" "cloudkms.projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.getPublicKey",
        "cloudkms.cryptoKeyVersions.viewPublicKey" in "cloudkms.publicKeyViewer";
    KMS_SIGN = POST "cloudkms" "cloudkms.projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.asymmetricSign",
        "cloudkms.cryptoKeyVersions.useToSign" in "cloudkms.signer";
    LOGS_LIST = POST "logging" "logging.entries.list",
        "logging.logEntries.list" in "logging.viewer";
}
