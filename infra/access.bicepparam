// what the hook postprovision hands over: outputs of main.bicep, and what people have set with azd env set. In a file,
// for on Windows the command line has no room for many ids.
using 'access.bicep'

param communicationServiceIds = readEnvironmentVariable('ROTATED_RESOURCE_IDS')
param keyVaultId = readEnvironmentVariable('VAULT_ID')
param principalId = readEnvironmentVariable('IDENTITY_PRINCIPAL_ID')
param functionAppId = readEnvironmentVariable('FUNCTION_APP_ID')
param keyVaultSystemTopicId = readEnvironmentVariable('KEY_VAULT_SYSTEM_TOPIC_ID', '')
param watchSubscriptions = readEnvironmentVariable('WATCH_SUBSCRIPTIONS', 'true')
param subscriptionSystemTopicIds = readEnvironmentVariable('SUBSCRIPTION_SYSTEM_TOPIC_IDS', '')
param deadLetterAccountId = readEnvironmentVariable('DEAD_LETTER_ACCOUNT_ID')
param deadLetterContainer = readEnvironmentVariable('DEAD_LETTER_CONTAINER')
param actionGroupId = readEnvironmentVariable('ALERT_ACTION_GROUP_ID', '')
