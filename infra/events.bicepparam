// what the hook postdeploy hands over: outputs of main.bicep, and those of access.bicep under the names that the hook gives
using 'events.bicep'

param functionAppId = readEnvironmentVariable('FUNCTION_APP_ID')
param keyVaultTopicId = readEnvironmentVariable('KEY_VAULT_TOPIC_ID')
param subscriptionTopicIds = readEnvironmentVariable('SUBSCRIPTION_TOPIC_IDS', '')
param customTopicId = readEnvironmentVariable('CUSTOM_TOPIC_ID', '')
param deadLetterTopicId = readEnvironmentVariable('DEAD_LETTER_TOPIC_ID', '')
param deadLetterAccountId = readEnvironmentVariable('DEAD_LETTER_ACCOUNT_ID')
param deadLetterContainer = readEnvironmentVariable('DEAD_LETTER_CONTAINER')
