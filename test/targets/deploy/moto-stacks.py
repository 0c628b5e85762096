"""moto_server with what its CloudFormation lacks of our templates: aliases, and function URLs at an alias."""

import sys
from typing import Any

from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.cloudformation import parsing
from moto.cloudformation.parsing import ResourceMap
from moto.core.common_models import CloudFormationModel
from moto.server import main


def names(properties: dict[str, Any]) -> tuple[str, str]:
    return properties["FunctionName"].split(":")[-1], properties["Name"]


class StackAlias(CloudFormationModel):
    # moto reads the service from the name of the module.
    __module__ = "moto.awslambda"

    def __init__(self, arn: str):
        self.arn = arn

    @property
    def physical_resource_id(self) -> str:
        return self.arn

    @staticmethod
    def cloudformation_name_type() -> str:
        return "AliasName"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::Lambda::Alias"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        properties = cloudformation_json["Properties"]
        function, name = names(properties)
        backend = lambda_backends[account_id][region_name]
        alias = backend.create_alias(name, function, properties["FunctionVersion"], "", "")
        return StackAlias(alias.arn)

    @classmethod
    def update_from_cloudformation_json(
        cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name
    ):
        properties = cloudformation_json["Properties"]
        function, name = names(properties)
        lambda_backends[account_id][region_name].update_alias(
            name, function, properties["FunctionVersion"], None, None
        )
        return original_resource


class StackUrl(CloudFormationModel):
    __module__ = "moto.awslambda"

    def __init__(self, url: str, arn: str):
        self.url = url
        self.arn = arn

    @property
    def physical_resource_id(self) -> str:
        return self.arn

    @staticmethod
    def cloudformation_name_type() -> str:
        return "UrlName"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::Lambda::Url"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr == "FunctionUrl"

    def get_cfn_attribute(self, attribute_name: str) -> str:
        return self.url

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        properties = cloudformation_json["Properties"]
        backend = lambda_backends[account_id][region_name]
        qualifier = properties.get("Qualifier")
        function = properties["TargetFunctionArn"]
        target = backend.get_function(function, qualifier)
        url = backend.create_function_url_config(function, properties).url + "/"
        return StackUrl(url, target.function_arn if qualifier is None else backend.get_alias(qualifier, function).arn)

    @classmethod
    def update_from_cloudformation_json(
        cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name
    ):
        return original_resource


publish = LambdaFunction.set_version


def set_version(function: LambdaFunction, version: int) -> None:
    # moto's versions share the description of the code with the function, which the next update changes.
    function.code = dict(function.code)
    publish(function, version)


LambdaFunction.set_version = set_version
load = ResourceMap.load_parameters


def load_parameters(resources: ResourceMap) -> None:
    # A list that keeps its value is a list already, which moto would split once more.
    resources.input_parameters = {
        name: ",".join(value) if isinstance(value, list) else value
        for name, value in resources.input_parameters.items()
    }
    load(resources)


ResourceMap.load_parameters = load_parameters
update = parsing.parse_and_update_resource


def parse_and_update_resource(logical_id, resource_json, resources_map, account_id, region_name):
    # moto forgets a resource whose type it cannot update.
    before = resources_map[logical_id]
    return update(logical_id, resource_json, resources_map, account_id, region_name) or before


parsing.parse_and_update_resource = parse_and_update_resource

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
