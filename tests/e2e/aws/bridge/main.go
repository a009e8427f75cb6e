// Serves HashiCorp's AWS provider to the Pulumi engine, as the plugin of pulumi-aws does: for tests against a stand-in of AWS.
//
// The provider is the file terraform-provider-aws beside this executable. Only what the program under test
// uses is mapped; the names are those of pulumi-aws.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/spf13/afero"

	"github.com/pulumi/pulumi-terraform-bridge/v3/dynamic/internal/shim/run"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/proto"
	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfgen"
)

const version = "7.51.1" // of pulumi-aws, whose SDK asks for this plugin

// Terraform's name to module and name in pulumi-aws.
var resources = map[string][2]string{
	"aws_autoscaling_group":               {"autoscaling", "Group"},
	"aws_autoscaling_lifecycle_hook":      {"autoscaling", "LifecycleHook"},
	"aws_ebs_volume":                      {"ebs", "Volume"},
	"aws_efs_access_point":                {"efs", "AccessPoint"},
	"aws_efs_file_system":                 {"efs", "FileSystem"},
	"aws_efs_file_system_policy":          {"efs", "FileSystemPolicy"},
	"aws_efs_mount_target":                {"efs", "MountTarget"},
	"aws_eip":                             {"ec2", "Eip"},
	"aws_iam_instance_profile":            {"iam", "InstanceProfile"},
	"aws_iam_role":                        {"iam", "Role"},
	"aws_iam_role_policy":                 {"iam", "RolePolicy"},
	"aws_instance":                        {"ec2", "Instance"},
	"aws_key_pair":                        {"ec2", "KeyPair"},
	"aws_launch_template":                 {"ec2", "LaunchTemplate"},
	"aws_network_interface":               {"ec2", "NetworkInterface"},
	"aws_security_group":                  {"ec2", "SecurityGroup"},
	"aws_volume_attachment":               {"ec2", "VolumeAttachment"},
	"aws_vpc_security_group_egress_rule":  {"vpc", "SecurityGroupEgressRule"},
	"aws_vpc_security_group_ingress_rule": {"vpc", "SecurityGroupIngressRule"},
}

var dataSources = map[string][2]string{
	"aws_ami":                         {"ec2", "getAmi"},
	"aws_caller_identity":             {"index", "getCallerIdentity"},
	"aws_ec2_instance_type":           {"ec2", "getInstanceType"},
	"aws_ec2_instance_type_offerings": {"ec2", "getInstanceTypeOfferings"},
	"aws_efs_file_system":             {"efs", "getFileSystem"},
	"aws_instance":                    {"ec2", "getInstance"},
	"aws_instances":                   {"ec2", "getInstances"},
	"aws_network_interface":           {"ec2", "getNetworkInterface"},
	"aws_network_interfaces":          {"ec2", "getNetworkInterfaces"},
	"aws_partition":                   {"index", "getPartition"},
	"aws_ssm_parameter":               {"ssm", "getParameter"},
	"aws_subnet":                      {"ec2", "getSubnet"},
	"aws_subnets":                     {"ec2", "getSubnets"},
	"aws_vpc":                         {"ec2", "getVpc"},
}

func main() {
	ctx := context.Background()
	executable, err := os.Executable()
	exitOn(err)
	server, err := run.LocalProvider(ctx, filepath.Join(filepath.Dir(executable), "terraform-provider-aws"))
	exitOn(err)
	info := providerInfo(ctx, server)
	pf.Main(ctx, info.Name, info, pf.ProviderMetadata{
		XGetSchema: func(ctx context.Context, _ plugin.GetSchemaRequest) ([]byte, error) { return schema(ctx, info) },
	})
	exitOn(server.Close())
}

func providerInfo(ctx context.Context, server run.Provider) tfbridge.ProviderInfo {
	provider := proto.New(ctx, server)
	info := tfbridge.ProviderInfo{
		P:              provider,
		Name:           "aws",
		Version:        version,
		ResourcePrefix: "aws",
		MetadataInfo:   &tfbridge.MetadataInfo{Data: tfbridge.ProviderMetadata(nil)},
		Resources:      map[string]*tfbridge.ResourceInfo{},
		DataSources:    map[string]*tfbridge.DataSourceInfo{},
	}
	for name := range provider.ResourcesMap().Range {
		if token, used := resources[name]; used {
			info.Resources[name] = &tfbridge.ResourceInfo{Tok: tfbridge.MakeResource("aws", token[0], token[1])}
		} else {
			info.IgnoreMappings = append(info.IgnoreMappings, name)
		}
	}
	info.Resources["aws_instance"].PreCheckCallback = primaryInterface
	for name := range provider.DataSourcesMap().Range {
		if token, used := dataSources[name]; used {
			info.DataSources[name] = &tfbridge.DataSourceInfo{Tok: tfbridge.MakeDataSource("aws", token[0], token[1])}
		} else if _, resource := resources[name]; !resource {
			info.IgnoreMappings = append(info.IgnoreMappings, name)
		}
	}
	for name := range provider.Functions() {
		info.IgnoreMappings = append(info.IgnoreMappings, name)
	}
	info.SetAutonaming(255, "-")
	return info
}

// Version 5 of the provider has a block network_interface where version 6, which pulumi-aws is made of, has
// primary_network_interface.
func primaryInterface(_ context.Context, inputs, _ resource.PropertyMap) (resource.PropertyMap, error) {
	primary, given := inputs["primaryNetworkInterface"]
	if !given {
		return inputs, nil
	}
	first := primary.ObjectValue().Copy()
	first["deviceIndex"] = resource.NewProperty(0.0)
	inputs = inputs.Copy()
	delete(inputs, "primaryNetworkInterface")
	inputs["networkInterfaces"] = resource.NewProperty([]resource.PropertyValue{resource.NewProperty(first)})
	return inputs, nil
}

func schema(ctx context.Context, info tfbridge.ProviderInfo) ([]byte, error) {
	generator, err := tfgen.NewGenerator(tfgen.GeneratorOptions{
		Package:       info.Name,
		Version:       info.Version,
		Language:      tfgen.Schema,
		ProviderInfo:  info,
		Root:          afero.NewMemMapFs(),
		Sink:          diag.DefaultSink(os.Stderr, os.Stderr, diag.FormatOptions{Color: "never"}),
		XInMemoryDocs: true,
		SkipExamples:  true,
	})
	if err != nil {
		return nil, err
	}
	generated, err := generator.Generate(ctx)
	if err != nil {
		return nil, err
	}
	generated.PackageSpec.Version = info.Version
	return json.Marshal(generated.PackageSpec)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
